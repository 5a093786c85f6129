package main

import (
	"context"
	"fmt"
	"net/http"

	"github.com/spf13/cobra"

	"github.com/carrelhq/carrel/agent/signing"
)

const cardKeysPath = "/api/v1/card-keys"

func newCardKeysCommand(p program) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "cards",
		Short: "List, rotate and retire the keys that sign cards",
		Args:  cobra.NoArgs,
	}
	cmd.AddCommand(newCardKeysListCommand(p), newCardKeysRotateCommand(p), newCardKeysRetireCommand(p))
	return cmd
}

func newCardKeysListCommand(p program) *cobra.Command {
	cmd := &cobra.Command{Use: "list", Short: "List the keys that sign cards, newest first", Args: cobra.NoArgs}
	c := p.addClient(cmd)
	cmd.RunE = c.resolved(func(ctx context.Context, _ []string) error {
		list, err := all[signing.CardKey](ctx, c, cardKeysPath)
		if err != nil {
			return err
		}
		return c.print(list, func() {
			rows := make([][]string, len(list))
			for i, k := range list {
				state := "signs"
				if !k.Signs {
					state = "verifies only"
				}
				rows[i] = []string{k.ID, k.Algorithm, when(k.Created), state}
			}
			c.table("ID ALGORITHM CREATED STATE", rows)
		})
	})
	return cmd
}

func newCardKeysRotateCommand(p program) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "rotate",
		Short: "Make a new key that signs cards",
		Long: fmt.Sprintf(`Make a new key that signs cards from now on, beside those there are, so that who
knows one of those only still verifies them. Retire the old ones when everybody has had
the time to learn the new one; there are %d at most.`, signing.MaxKeys),
		Args: cobra.NoArgs,
	}
	c := p.addClient(cmd)
	cmd.RunE = c.resolved(func(ctx context.Context, _ []string) error {
		var made signing.CardKey
		if err := c.call(ctx, http.MethodPost, cardKeysPath, nil, &made); err != nil {
			return err
		}
		return c.print(made, func() { fmt.Fprintf(c.stdout, "key %s signs cards\n", cell(made.ID)) })
	})
	return cmd
}

func newCardKeysRetireCommand(p program) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "retire ID",
		Short: "Retire a key: what it has signed verifies no more",
		Args:  asUsed,
	}
	c := p.addClient(cmd)
	cmd.RunE = c.resolved(func(ctx context.Context, args []string) error {
		if err := c.call(ctx, http.MethodDelete, pathOf(cardKeysPath, args[0]), nil, nil); err != nil {
			return err
		}
		return c.print(map[string]string{"retired": args[0]}, func() { fmt.Fprintf(c.stdout, "key %s is retired\n", cell(args[0])) })
	})
	return cmd
}
