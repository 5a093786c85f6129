// Command embedded is an A2A server with an agent in plain Go: it brings its own
// task.Worker, and carrel gives it the protocol, streams and durable tasks.
//
//	go run ./examples/embedded
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"strings"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"

	"github.com/carrelhq/carrel"
	"github.com/carrelhq/carrel/abi"
	"github.com/carrelhq/carrel/task"
)

// shouter answers in capitals, one word after another.
type shouter struct{}

// Work implements task.Worker.
func (shouter) Work(ctx context.Context, run *task.Run) (task.Result, error) {
	for i, word := range strings.Fields(run.Message.GetParts()[0].GetText()) {
		part := &a2apb.Part{Content: &a2apb.Part_Text{Text: strings.ToUpper(word) + " "}}
		chunk := &a2apb.TaskArtifactUpdateEvent{Artifact: &a2apb.Artifact{Name: "shout", Parts: []*a2apb.Part{part}}, Append: i > 0}
		if err := run.Artifact(ctx, chunk); err != nil {
			return task.Result{}, err // the attempt is lost, and tried again
		}
	}
	return task.Result{}, nil
}

// newServer returns the server on a store in dir.
func newServer(ctx context.Context, dir, addr string) (*carrel.Server, error) {
	return carrel.New(ctx, carrel.Options{
		DataDir: dir,
		Addr:    addr,
		Dev:     true,
		Worker:  shouter{},
		Agents:  []carrel.AgentSpec{{Name: "shouter", Description: abi.Description{Description: "Answers in capitals."}}},
	})
}

func run(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "embedded-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	server, err := newServer(ctx, dir, carrel.DefaultAddr)
	if err != nil {
		return err
	}
	fmt.Println(server.URL() + "/agents/default/shouter")
	return server.Run(ctx)
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "embedded:", err)
		os.Exit(1)
	}
}
