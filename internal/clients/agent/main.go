// Command agent is what the clients of other projects talk to. The first word of
// a message is a command; what is no command is answered with the message's own
// parts, of whatever kind they are.
//
//	stream N   streams N chunks
//	ask        asks; the answer completes the task
//	count      says how many messages its context has
//	hold       runs until it is canceled
//	reject     ends the task so
package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/carrelhq/carrel/guests/go/agent"
)

var modes = []string{"text/plain", "application/json", "application/octet-stream", "image/png"}

func init() {
	agent.Describe(agent.Description{
		Name: "Clients", Description: "Does what the tests of clients need.", Version: "1.0.0",
		InputModes: modes, OutputModes: modes,
		Skills: []agent.Skill{
			{ID: "echo", Name: "Echo", Description: "Answers with the parts of the message.", Tags: []string{"test"}, Examples: []string{"hello"}},
			{ID: "command", Name: "Command", Description: "Does what the first word says.", Tags: []string{"test"}, Examples: []string{"stream 3", "ask", "count", "hold", "reject"}},
		},
	})
	agent.Handle(run)
}

var commands = map[string]func(*agent.Task, string) error{
	"stream": stream, "ask": ask, "count": count, "hold": hold, "reject": reject,
}

func run(_ context.Context, t *agent.Task) error {
	if t.Run > 1 {
		return t.Reply("You said: " + t.Text())
	}
	word, rest, _ := strings.Cut(t.Text(), " ")
	if command, ok := commands[word]; ok {
		return command(t, rest)
	}
	t.Finish(agent.Artifact{Name: "echo", Parts: t.Message.Parts})
	return nil
}

func stream(t *agent.Task, count string) error {
	n, err := strconv.Atoi(count)
	if err != nil {
		return err
	}
	out := t.Stream("stream", "Stream")
	for i := range n {
		if _, err := fmt.Fprintf(out, "%d ", i); err != nil {
			return err
		}
	}
	return out.Close()
}

func count(t *agent.Task, _ string) error {
	seen := 0
	err := agent.Update(t, func(messages *int) error {
		*messages += len(t.Messages()) + 1 // and the answer
		seen = *messages
		return nil
	})
	if err != nil {
		return err
	}
	return t.Reply(fmt.Sprintf("Your context is %d messages long.", seen))
}

func ask(*agent.Task, string) error    { return agent.NeedInput("What is your name?") }
func reject(*agent.Task, string) error { return agent.Reject("I do not do that.") }

// hold has no end of its own: the host ends the run when the task is canceled.
func hold(*agent.Task, string) error {
	for {
	}
}

func main() {}
