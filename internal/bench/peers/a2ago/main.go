// Command a2ago is the official Go server with an agent that echoes, or streams the
// number of chunks that "stream N" asks for, in memory: a reference for carrel's
// benchmark. Usage: a2ago PORT
package main

import (
	"context"
	"fmt"
	"iter"
	"log"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"

	"github.com/a2aproject/a2a-go/v2/a2a"
	"github.com/a2aproject/a2a-go/v2/a2asrv"
)

type agent struct{}

// Execute answers by the events that AgentExecutor's own documentation shows.
func (agent) Execute(_ context.Context, in *a2asrv.ExecutorContext) iter.Seq2[a2a.Event, error] {
	return func(yield func(a2a.Event, error) bool) {
		for event := range events(in) {
			if !yield(event, nil) {
				return
			}
		}
	}
}

// events are those of a task with an artifact that has the message's parts, or
// that grows by as many chunks as the message says.
func events(in *a2asrv.ExecutorContext) iter.Seq[a2a.Event] {
	chunks := 0
	if count, ok := strings.CutPrefix(in.Message.Parts[0].Text(), "stream "); ok {
		chunks, _ = strconv.Atoi(count)
	}
	return func(yield func(a2a.Event) bool) {
		if !yield(a2a.NewSubmittedTask(in, in.Message)) || !yield(a2a.NewStatusUpdateEvent(in, a2a.TaskStateWorking, nil)) {
			return
		}
		if chunks == 0 && !yield(a2a.NewArtifactEvent(in, in.Message.Parts...)) {
			return
		}
		for i := range chunks {
			if !yield(chunk(in, i, i == chunks-1)) {
				return
			}
		}
		yield(a2a.NewStatusUpdateEvent(in, a2a.TaskStateCompleted, nil))
	}
}

func chunk(in *a2asrv.ExecutorContext, i int, last bool) a2a.Event {
	event := a2a.NewArtifactUpdateEvent(in, "stream", a2a.NewTextPart(strconv.Itoa(i)+" "))
	event.Append, event.LastChunk, event.Artifact.Name = i > 0, last, "Stream"
	return event
}

// Cancel does nothing: the benchmark cancels nothing.
func (agent) Cancel(context.Context, *a2asrv.ExecutorContext) iter.Seq2[a2a.Event, error] {
	return func(func(a2a.Event, error) bool) {}
}

func main() {
	l, err := net.Listen("tcp", "127.0.0.1:"+os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/", a2asrv.NewJSONRPCHandler(a2asrv.NewHandler(agent{})))
	mux.Handle(a2asrv.WellKnownAgentCardPath, a2asrv.NewStaticAgentCardHandler(card("http://"+l.Addr().String()+"/")))
	fmt.Println("ready")
	log.Fatal(http.Serve(l, mux))
}

// card says what the one of carrel's agent says.
func card(url string) *a2a.AgentCard {
	return &a2a.AgentCard{
		Name: "Conformance", Description: "Tries everything the ABI has.", Version: "1.0.0",
		SupportedInterfaces: []*a2a.AgentInterface{a2a.NewAgentInterface(url, a2a.TransportProtocolJSONRPC)},
		Capabilities:        a2a.AgentCapabilities{Streaming: true},
		DefaultInputModes:   []string{"text/plain"}, DefaultOutputModes: []string{"text/plain"},
		Skills: []a2a.AgentSkill{{ID: "try", Name: "Try", Description: "Runs a command.", Tags: []string{"test"}}},
	}
}
