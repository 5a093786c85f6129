// Command a2ago is the official Go server with an echo agent, in memory: a
// reference for carrel's benchmark. Usage: a2ago PORT
package main

import (
	"context"
	"fmt"
	"iter"
	"log"
	"net"
	"net/http"
	"os"

	"github.com/a2aproject/a2a-go/v2/a2a"
	"github.com/a2aproject/a2a-go/v2/a2asrv"
)

type echo struct{}

// Execute answers with one artifact that has the message's parts, by the events
// that AgentExecutor's own documentation shows.
func (echo) Execute(_ context.Context, in *a2asrv.ExecutorContext) iter.Seq2[a2a.Event, error] {
	return func(yield func(a2a.Event, error) bool) {
		for _, event := range []a2a.Event{
			a2a.NewSubmittedTask(in, in.Message),
			a2a.NewStatusUpdateEvent(in, a2a.TaskStateWorking, nil),
			a2a.NewArtifactEvent(in, in.Message.Parts...),
			a2a.NewStatusUpdateEvent(in, a2a.TaskStateCompleted, nil),
		} {
			if !yield(event, nil) {
				return
			}
		}
	}
}

// Cancel does nothing: the benchmark cancels nothing.
func (echo) Cancel(context.Context, *a2asrv.ExecutorContext) iter.Seq2[a2a.Event, error] {
	return func(func(a2a.Event, error) bool) {}
}

func main() {
	l, err := net.Listen("tcp", "127.0.0.1:"+os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("ready")
	log.Fatal(http.Serve(l, a2asrv.NewJSONRPCHandler(a2asrv.NewHandler(echo{}))))
}
