package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/carrelhq/carrel"
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
	cmd.AddCommand(newKeysCreateCommand(p), newKeysListCommand(p), newKeysRevokeCommand(p), newKeysRecoverCommand(p), newCardKeysCommand(p))
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
		Args:  asUsed,
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

func newKeysRecoverCommand(p program) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "recover",
		Short: "Make a new operator's key when the one there was is lost",
		Long: `Make a new operator's key in the data folder of a server that is not running, for when
the one there was is lost. Keys that there are stay valid; revoke them afterwards.`,
		Example: "  carrel keys recover --data ./carrel-data",
		Args:    cobra.NoArgs,
	}
	out := p.addOutput(cmd)
	data := cmd.Flags().String("data", "", "data `folder` of the server (CARREL_DATA, else "+DefaultConfig().Data+")")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		dir := cmp.Or(*data, p.getenv("CARREL_DATA"), DefaultConfig().Data)
		token, err := carrel.RecoverOperator(cmd.Context(), dir)
		switch {
		case errors.Is(err, carrel.ErrDataInUse):
			return fmt.Errorf("a server has %s open; stop it first", dir)
		case errors.Is(err, fs.ErrNotExist):
			return fmt.Errorf("%s holds no store; name a server's data folder with --data", dir)
		case err != nil:
			return err
		}
		return out.print(map[string]string{"token": token}, func() {
			fmt.Fprintln(p.stdout, token)
			fmt.Fprintf(p.stderr, "the operator's new key is kept in %s\n", filepath.Join(dir, carrel.OperatorKeyFile))
		})
	}
	return cmd
}
