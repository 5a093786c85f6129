package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"

	"github.com/spf13/cobra"

	"github.com/carrelhq/carrel/agent"
)

// maxOverrides bounds the file that is read; the server takes less.
const maxOverrides = 1 << 20

func newAgentsCardCommand(p program) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "card AGENT FILE",
		Short: "Say on an agent's card what its module does not, or other than it",
		Long: `Say on an agent's card what its module does not, or other than it. FILE is JSON, "-" reads
standard input:

  {
    "name": "Support", "description": "Answers questions about orders.",
    "provider": {"organization": "Acme", "url": "https://acme.example"},
    "documentationUrl": "https://acme.example/docs", "iconUrl": "https://acme.example/icon.png",
    "skills": [{"id": "orders", "name": "Orders", "description": "Where is my order?", "tags": ["orders"]}],
    "extended": {"skills": [{"id": "refunds", "name": "Refunds", "description": "Pays back."}]}
  }

Every member may be left out. "extended" is what the extended card has beside the public
one, for callers with a key. What was said before is replaced; {} takes it back. It stays
when a new version is pushed.`,
		Example: "  carrel agents card support card.json\n  echo '{}' | carrel agents card support -",
		Args:    asUsed,
	}
	c := p.addClient(cmd)
	cmd.RunE = c.resolved(func(ctx context.Context, args []string) error {
		text, err := c.readFile(args[1])
		if err != nil {
			return err
		}
		if !json.Valid(text) {
			return fmt.Errorf("%s is not JSON", args[1])
		}
		var a agent.Agent
		if err := c.call(ctx, http.MethodPut, c.agentPath(args[0], "card"), json.RawMessage(text), &a); err != nil {
			return err
		}
		return c.print(a, func() { fmt.Fprintf(c.stdout, "the card of %s/%s is at %s\n", a.Tenant, a.Name, c.cardURL(a.Name)) })
	})
	return cmd
}

// readFile reads a file, or standard input for "-".
func (p program) readFile(name string) ([]byte, error) {
	in := p.stdin
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	}
	text, err := io.ReadAll(io.LimitReader(in, maxOverrides+1))
	if err == nil && len(text) > maxOverrides {
		err = fmt.Errorf("%s is larger than %d bytes", name, maxOverrides)
	}
	return text, err
}
