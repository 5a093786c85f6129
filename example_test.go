package carrel_test

import (
	"bytes"
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
	"github.com/carrelhq/carrel/agent"
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
		Worker:  shout{},
		Agents: []carrel.AgentSpec{{
			Name:        "shout",
			Description: abi.Description{Description: "Answers in capitals."},
			Visibility:  agent.Public,
		}},
	})
	if err != nil {
		log.Fatal(err)
	}
	ended := make(chan error)
	go func() { ended <- server.Run(ctx) }()

	fmt.Println(ask(server.URL()+"/agents/default/shout", "hello"))
	stop()
	fmt.Println(<-ended)
	// Output:
	// HELLO
	// <nil>
}

// ask sends one message and returns the text of the task's artifact.
func ask(agent, text string) string {
	body := fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"method":"SendMessage","params":{"message":{"messageId":"1","role":"ROLE_USER","parts":[{"text":%q}]}}}`, text)
	req, err := http.NewRequest(http.MethodPost, agent, bytes.NewBufferString(body))
	if err != nil {
		return err.Error()
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("A2A-Version", "1.0")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err.Error()
	}
	defer resp.Body.Close()
	var reply struct {
		Result struct {
			Task struct {
				Artifacts []struct{ Parts []struct{ Text string } }
			}
		}
	}
	if err := json.NewDecoder(resp.Body).Decode(&reply); err != nil {
		return err.Error()
	}
	if len(reply.Result.Task.Artifacts) == 0 {
		return "no artifact"
	}
	return reply.Result.Task.Artifacts[0].Parts[0].Text
}
