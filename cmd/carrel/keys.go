package main

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/spf13/cobra"
)

// key is a key as the admin API answers it.
type key struct {
	ID      string    `json:"id"`
	Tenant  string    `json:"tenant,omitempty"`
	Name    string    `json:"name,omitempty"`
	Created time.Time `json:"created"`
	Expires time.Time `json:"expires,omitzero"`
}

// addKeys gives cmd the client's flags and --operator.
func (p program) addKeys(cmd *cobra.Command) (c *client, path func(below ...string) string) {
	c = p.addClient(cmd)
	operator := cmd.Flags().Bool("operator", false, "the operator's keys, which span tenants, instead of a tenant's")
	return c, func(below ...string) string {
		if *operator {
			return pathOf("/api/v1/operator/keys", below...)
		}
		return c.tenantPath(append([]string{"keys"}, below...)...)
	}
}

func newKeysCommand(p program) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "keys",
		GroupID: groupServe,
		Short:   "Make, list and revoke keys",
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
	c, path := p.addKeys(cmd)
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
		var made struct {
			Key   key    `json:"key"`
			Token string `json:"token"`
		}
		if err := c.call(ctx, http.MethodPost, path(), in, &made); err != nil {
			return err
		}
		return c.print(made, func() {
			fmt.Fprintln(c.stdout, made.Token)
			fmt.Fprintf(c.stderr, "key %s of %s; the token is shown this once\n", made.Key.ID, made.Key.owner())
		})
	})
	return cmd
}

func (k key) owner() string {
	if k.Tenant == "" {
		return "the operator"
	}
	return "tenant " + k.Tenant
}

func newKeysListCommand(p program) *cobra.Command {
	cmd := &cobra.Command{Use: "list", Short: "List the keys", Args: cobra.NoArgs}
	c, path := p.addKeys(cmd)
	cmd.RunE = c.resolved(func(ctx context.Context, _ []string) error {
		list, err := all[key](ctx, c, path())
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
	c, path := p.addKeys(cmd)
	cmd.RunE = c.resolved(func(ctx context.Context, args []string) error {
		if err := c.call(ctx, http.MethodDelete, path(args[0]), nil, nil); err != nil {
			return err
		}
		return c.print(map[string]string{"revoked": args[0]}, func() { fmt.Fprintf(c.stdout, "key %s is revoked\n", cell(args[0])) })
	})
	return cmd
}
