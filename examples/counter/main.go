// Command counter is FastA2A's example as a carrel agent: it remembers the
// messages of its context and says how many there are.
package main

import (
	"context"
	"fmt"

	"github.com/carrelhq/carrel/guests/go/agent"
)

func init() { agent.Handle(count) }

func count(_ context.Context, t *agent.Task) error {
	seen, err := agent.Load[[]agent.Message](t)
	if err != nil {
		return err
	}
	seen.Value = append(seen.Value, t.Messages()...)
	answer := fmt.Sprintf("Your context is %d messages long.", len(seen.Value)+1)
	seen.Value = append(seen.Value, agent.Message{Role: "ROLE_AGENT", Parts: []agent.Part{agent.Text(answer)}})
	if err := seen.Save(); err != nil {
		return err
	}
	return t.Reply(answer)
}

func main() {}
