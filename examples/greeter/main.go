// Command greeter is an agent that does not make a task of everything: small talk
// it answers with a message, and what is worth keeping is the artifact of a task.
package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/carrelhq/carrel/guests/go/agent"
)

func init() {
	agent.Describe(agent.Description{
		Name: "Greeter", Description: "Greets, and writes cards.", Version: "1.0.0", Replies: agent.RepliesWithMessages,
		Skills: []agent.Skill{{ID: "card", Name: "Card", Description: "Writes a card.", Tags: []string{"writing"}, Examples: []string{"card for Ada"}}},
	})
	agent.Handle(greet)
}

func greet(_ context.Context, t *agent.Task) error {
	if name, ok := strings.CutPrefix(t.Text(), "card for "); ok {
		return t.Reply(fmt.Sprintf("Dear %s, all the best!", name))
	}
	return t.Answer("Hello! Shall I write a card? Say who it is for.")
}

func main() {}
