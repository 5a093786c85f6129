package carrel_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"os"
	"strings"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"

	"github.com/carrelhq/carrel"
	"github.com/carrelhq/carrel/abi"
	"github.com/carrelhq/carrel/task"
)

// shout is a worker of the embedding program: it answers in capitals.
type shout struct{}

func (shout) Work(ctx context.Context, run *task.Run) (task.Result, error) {
	text := strings.ToUpper(run.Message.GetParts()[0].GetText())
	return task.Result{Artifacts: []*a2apb.Artifact{{
		Parts: []*a2apb.Part{{Content: &a2apb.Part_Text{Text: text}}},
	}}}, nil
}

// A program serves an agent of its own: tasks, streams and durability are carrel's.
func Example() {
	dir, err := os.MkdirTemp("", "carrel-example-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	ctx, stop := context.WithCancel(context.Background())
	server, err := carrel.New(ctx, carrel.Options{
		DataDir: dir,
		Addr:    "127.0.0.1:0",
		Dev:     true, // no credentials, for this machine only
		Worker:  shout{},
		Agents: []carrel.AgentSpec{{
			Name:        "shout",
			Description: abi.Description{Description: "Answers in capitals."},
		}},
	})
	if err != nil {
		log.Fatal(err)
	}
	ended := make(chan error)
	go func() { ended <- server.Run(ctx) }()

	fmt.Println(send(server.URL()+"/agents/default/shout", "hello").Text)
	stop()
	fmt.Println(<-ended)
	// Output:
	// HELLO
	// <nil>
}

// message is what came of a message.
type message struct{ ID, State, Text string }

// send sends one message and waits for what comes of it.
func send(agent, text string) (got message) {
	body := fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"method":"SendMessage","params":{"message":{"messageId":"1","role":"ROLE_USER","parts":[{"text":%q}]}}}`, text)
	resp, err := http.Post(agent, "application/json", strings.NewReader(body))
	if err != nil {
		return message{Text: err.Error()}
	}
	defer resp.Body.Close()
	var reply struct {
		Result struct {
			Task struct {
				ID        string
				Status    struct{ State string }
				Artifacts []struct{ Parts []struct{ Text string } }
			}
		}
	}
	if err := json.NewDecoder(resp.Body).Decode(&reply); err != nil {
		return message{Text: err.Error()}
	}
	task := reply.Result.Task
	got.ID, got.State = task.ID, task.Status.State
	for _, a := range task.Artifacts {
		got.Text += a.Parts[0].Text
	}
	return got
}
