package main

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/spf13/cobra"
)

// key is a key as the admin API answers it; the token is there once, when it is made.
type key struct {
	ID      string    `json:"id"`
	Tenant  string    `json:"tenant,omitempty"`
	Name    string    `json:"name,omitempty"`
	Created time.Time `json:"created"`
	Expires time.Time `json:"expires,omitzero"`
	Token   string    `json:"token,omitempty"`
}

func newKeysCommand(p program) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "keys",
		GroupID: groupServe,
		Short:   "Make, list and revoke the keys of a tenant",
		Args:    cobra.NoArgs,
	}
	cmd.AddCommand(newKeysCreateCommand(p), newKeysListCommand(p), newKeysRevokeCommand(p))
	return cmd
}

func newKeysCreateCommand(p program) *cobra.Command {
	var name string
	var ttl time.Duration
	cmd := &cobra.Command{
		Use:   "create",
		Short: "Make a key",
		Long: `Make a key and print its token, this once: the server keeps a hash of it only.
The token is alone on standard output.`,
		Example: "  carrel keys create --tenant acme --name ci --ttl 720h\n  export CARREL_TOKEN=$(carrel keys create --tenant acme)",
		Args:    cobra.NoArgs,
	}
	c := p.addClient(cmd)
	cmd.Flags().StringVar(&name, "name", "", "what to call the key in lists")
	cmd.Flags().DurationVar(&ttl, "ttl", 0, "how long the key is valid; 0 is for ever")
	cmd.RunE = c.resolved(func(ctx context.Context, _ []string) error {
		if ttl < 0 {
			return usagef("--ttl: must not be negative")
		}
		in := map[string]any{"name": name}
		if ttl > 0 {
			in["ttl"] = ttl.String()
		}
		var made key
		if err := c.call(ctx, http.MethodPost, c.tenantPath("keys"), in, &made); err != nil {
			return err
		}
		return c.print(made, func() {
			fmt.Fprintln(c.stdout, made.Token)
			fmt.Fprintf(c.stderr, "key %s of tenant %s; the token is shown this once\n", made.ID, made.Tenant)
		})
	})
	return cmd
}

func newKeysListCommand(p program) *cobra.Command {
	cmd := &cobra.Command{Use: "list", Short: "List the keys", Args: cobra.NoArgs}
	c := p.addClient(cmd)
	cmd.RunE = c.resolved(func(ctx context.Context, _ []string) error {
		list, err := all[key](ctx, c, c.tenantPath("keys"))
		if err != nil {
			return err
		}
		return c.print(list, func() {
			rows := make([][]string, len(list))
			for i, k := range list {
				rows[i] = []string{k.ID, when(k.Created), orDash(when(k.Expires)), k.Name}
			}
			c.table("ID CREATED EXPIRES NAME", rows)
		})
	})
	return cmd
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func newKeysRevokeCommand(p program) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "revoke ID",
		Short: "Revoke a key at once",
		Args:  cobra.ExactArgs(1),
	}
	c := p.addClient(cmd)
	cmd.RunE = c.resolved(func(ctx context.Context, args []string) error {
		if err := c.call(ctx, http.MethodDelete, c.tenantPath("keys", args[0]), nil, nil); err != nil {
			return err
		}
		return c.print(map[string]string{"revoked": args[0]}, func() { fmt.Fprintf(c.stdout, "key %s is revoked\n", cell(args[0])) })
	})
	return cmd
}
