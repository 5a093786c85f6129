package main

import (
	"context"
	"strings"

	"github.com/a2aproject/a2a-go/v2/a2a"
	"github.com/spf13/cobra"
)

func newCardCommand(p program) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "card AGENT",
		GroupID: groupTalk,
		Short:   "Print an agent's card",
		Long:    "Print an agent's card. AGENT is the name of an agent on the server, or the URL of a card anywhere.",
		Example: "  carrel card counter --json\n  carrel card https://agents.example.com/agents/acme/support",
		Args:    asUsed,
	}
	c := p.addClient(cmd)
	cmd.RunE = c.resolved(func(ctx context.Context, args []string) error {
		card, err := c.card(ctx, args[0])
		if err != nil {
			return err
		}
		return c.print(card, func() { c.showCard(card) })
	})
	return cmd
}

func (c *client) showCard(card *a2a.AgentCard) {
	c.field("agent", strings.TrimSpace(card.Name+" "+card.Version))
	c.field("about", card.Description)
	for _, i := range card.SupportedInterfaces {
		c.field("address", string(i.ProtocolBinding)+" "+i.URL)
	}
	c.field("takes", strings.Join(card.DefaultInputModes, ", "))
	c.field("gives", strings.Join(card.DefaultOutputModes, ", "))
	for _, skill := range card.Skills {
		c.field("skill", skill.ID+": "+skill.Description)
	}
	for name := range card.SecuritySchemes {
		c.field("key", string(name))
	}
}
