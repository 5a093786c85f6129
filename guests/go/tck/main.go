// Command tck is the agent that conformance suites of others want of a server under
// test: a2a-tck, which begins the id of its messages with the name of a behaviour,
// and ACTS of a2a-itk, which begins their text with it. How to run them is in
// docs/suites.md.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/carrelhq/carrel/guests/go/agent"
)

var modes = []string{"text/plain", "application/json"}

func init() {
	agent.Describe(agent.Description{
		Name: "TCK", Description: "Behaves as conformance suites ask.", Version: "1.0.0",
		InputModes: modes, OutputModes: modes, Replies: agent.RepliesWithMessages,
		Skills: []agent.Skill{{ID: "tck", Name: "TCK", Description: "Does what the beginning of a message's id, or of its text, says.", Tags: []string{"test"}}},
	})
	agent.Handle(run)
}

// behaviours are looked through in this order.
var behaviours = []struct {
	name string
	do   func(*agent.Task) error
}{
	{"tck-message-response", func(t *agent.Task) error { return t.Answer("Direct message response") }},
	{"tck-complete-task", func(t *agent.Task) error { return answer(t, "Hello from TCK") }},
	{"tck-task-failure", func(*agent.Task) error { return errors.New("tck-task-failure") }},
	{"tck-reject-task", func(*agent.Task) error { return agent.Reject("rejected") }},
	{"tck-input-required", func(*agent.Task) error { return agent.NeedInput("What else?") }},
	{"tck-auth-required", func(*agent.Task) error { return agent.NeedAuth("Who are you?") }},
	{multiTurn, converse},
	{"tck-cancel", func(t *agent.Task) error { return work(t, time.Hour) }}, // or as long as a run may take
	{"tck-long-running", func(t *agent.Task) error { return workAndReply(t, 1500*time.Millisecond) }},
	{"tck-delayed-complete", func(t *agent.Task) error { return workAndReply(t, 2*time.Second) }},
	{"test-resubscribe-message-id", func(t *agent.Task) error { return work(t, 4*time.Second) }},
	{"tck-artifact-text", emit(agent.Text("Generated text content"))},
	{"tck-artifact-data", emit(agent.Part{Data: json.RawMessage(`{"key":"value","count":42}`)})},
	{"tck-artifact-file-url", emit(agent.Part{URL: "https://example.com/output.txt", MediaType: "text/plain", Filename: "output.txt"})},
	{"tck-artifact-file", emit(file)},
	{"tck-stream-artifact-file", streamed(emit(file))},
	{"tck-stream-artifact-chunked", streamed(chunks)},
	{"tck-stream-chunked", streamed(chunks)},
	{"tck-stream-002", func(t *agent.Task) error { return t.Status("Working") }},
	{"tck-stream-", streamed(emit(agent.Text("Streamed content")))},
}

var file = agent.Part{Raw: []byte("file bytes"), MediaType: "text/plain", Filename: "output.txt"}

func run(_ context.Context, t *agent.Task) error {
	if do := asked(t.Message); do != nil {
		return do(t)
	}
	earlier, err := t.History(0)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(earlier, func(m agent.Message) bool { return strings.HasPrefix(m.Text(), multiTurn) }) {
		return converse(t)
	}
	return answer(t, "You said: "+t.Text())
}

const multiTurn = "tck-multi-turn" // goes on with messages that name nothing

// asked is the behaviour that a message names, nil for none.
func asked(m agent.Message) func(*agent.Task) error {
	text := strings.TrimSpace(m.Text())
	for _, b := range behaviours {
		if strings.HasPrefix(m.MessageID, b.name) || strings.HasPrefix(text, b.name) {
			return b.do
		}
	}
	return nil
}

func emit(p agent.Part) func(*agent.Task) error {
	return func(t *agent.Task) error { return t.Emit(agent.Artifact{Name: "output", Parts: []agent.Part{p}}) }
}

// streamed has a status before what comes.
func streamed(do func(*agent.Task) error) func(*agent.Task) error {
	return func(t *agent.Task) error {
		if err := t.Status("Working"); err != nil {
			return err
		}
		return do(t)
	}
}

func chunks(t *agent.Task) error {
	out := t.Stream("chunks", "Chunks")
	for _, chunk := range []string{"chunk-1 ", "chunk-2 ", "chunk-3"} {
		if _, err := out.WriteString(chunk); err != nil {
			return err
		}
	}
	return out.Close()
}

// answer says something as a task does: Answer alone could be a bare message.
func answer(t *agent.Task, text string) error {
	return streamed(func(t *agent.Task) error { return t.Answer(text) })(t)
}

func converse(t *agent.Task) error {
	if strings.HasPrefix(strings.ToLower(strings.TrimSpace(t.Text())), "done") {
		return answer(t, "Multi-turn complete")
	}
	return agent.NeedInput("More input, please.")
}

func workAndReply(t *agent.Task, d time.Duration) error {
	if err := work(t, d); err != nil {
		return err
	}
	return t.Reply("Done after a while")
}

// work takes real time: a sleep moves the guest's clock alone, which stands still
// between calls of the host.
func work(t *agent.Task, d time.Duration) error {
	if err := t.Status("Working"); err != nil {
		return err
	}
	for begin := time.Now(); time.Since(begin) < d; {
		for range 10_000_000 {
			laps++
		}
		if _, err := t.Artifacts(); err != nil {
			return err
		}
	}
	return nil
}

var laps uint64

func main() {}
