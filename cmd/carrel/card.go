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
		Long: `Print an agent's card. AGENT is the name of an agent on the server, or the URL of a card anywhere.

With --verify the card must be signed, or the command fails: by a key of the server that the
card is fetched from, or with --verify URL by a key of the JSON Web Key Set at that URL. What
is not signed is not printed.`,
		Example: `  carrel card counter --json
  carrel card https://agents.example.com/agents/acme/support --verify
  carrel card counter --verify https://agents.example.com/.well-known/jwks.json`,
	}
	c := p.addClient(cmd)
	var keys string
	cmd.Flags().StringVar(&keys, "verify", "", "verify the signature, by the keys at `URL` where one is given")
	cmd.Flags().Lookup("verify").NoOptDefVal = ofTheServer
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		args, _ = keysArgument(args, keys)
		return asUsed(cmd, args)
	}
	cmd.RunE = c.resolved(func(ctx context.Context, args []string) error {
		args, keys := keysArgument(args, keys)
		if keys != "" {
			return c.verifyCard(ctx, args[0], keys)
		}
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
