package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/carrelhq/carrel/abi"
	"github.com/carrelhq/carrel/agent"
)

func newPushCommand(p program) *cobra.Command {
	var name, visibility string
	cmd := &cobra.Command{
		Use:     "push FILE.wasm --agent NAME",
		GroupID: groupAgent,
		Short:   "Upload a module as an agent's new version",
		Long: `Upload a module as an agent's new version. It becomes the current one; tasks that
have begun keep theirs. An agent that is not there yet is made.`,
		Example: "  carrel push counter.wasm --agent counter\n  carrel push counter.wasm --agent counter --visibility public --server https://agents.example.com",
		Args:    asUsed,
	}
	c := p.addClient(cmd)
	cmd.Flags().StringVar(&name, "agent", "", "`name` of the agent; the file's name when empty")
	cmd.Flags().StringVar(&visibility, "visibility", "", "public, card or private; as it was when empty, and card for a new agent")
	cmd.RunE = c.resolved(func(ctx context.Context, args []string) error {
		if name == "" {
			name = agentNameOf(args[0])
		}
		pushed, err := c.pushFile(ctx, args[0], name, visibility)
		if refusal := (*abi.Refusal)(nil); errors.As(err, &refusal) {
			return c.refused(args[0], refusal)
		}
		if err != nil {
			return err
		}
		return c.print(pushed, func() { c.pushed(pushed) })
	})
	return cmd
}

// pushFile uploads a file, telling a terminal how far it is.
func (c *client) pushFile(ctx context.Context, file, name, visibility string) (agent.Agent, error) {
	f, err := os.Open(file)
	if err != nil {
		return agent.Agent{}, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return agent.Agent{}, err
	}
	bar := c.newProgress("uploading "+filepath.Base(file), info.Size())
	defer bar.done()
	return c.push(ctx, bar.reader(f), info.Size(), name, visibility)
}

func (c *client) push(ctx context.Context, module io.Reader, size int64, name, visibility string) (agent.Agent, error) {
	path := c.agentPath(name)
	if visibility != "" {
		path += "?visibility=" + url.QueryEscape(visibility)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, c.server+path, module)
	if err != nil {
		return agent.Agent{}, err
	}
	req.ContentLength = size
	req.Header.Set("Content-Type", typeWasm)
	resp, err := c.send(req)
	if err != nil {
		return agent.Agent{}, err
	}
	defer resp.Body.Close()
	var pushed agent.Agent
	return pushed, decodeReply(resp, &pushed)
}

// pushed prints what an upload made.
func (c *client) pushed(a agent.Agent) {
	c.field("agent", a.Tenant+"/"+a.Name)
	c.field("version", fmt.Sprintf("%d, now current", a.Current.Number))
	c.field("digest", a.Current.Digest)
	c.field("wants", wantsText(a.Current.Wants))
	if missing := a.Current.NeedsGrants; len(missing) > 0 {
		c.field("denied", strings.Join(missing, ", ")+": not granted, so calls of it are answered with denied")
	}
	c.field("visible", string(a.Visibility))
	c.field("card", c.cardURL(a.Name))
}

func (c *client) agentURL(name string) string {
	return c.server + "/agents/" + url.PathEscape(c.tenant) + "/" + url.PathEscape(name)
}

func (c *client) cardURL(name string) string { return c.agentURL(name) + cardPath }

// agentNameOf makes a valid agent name of a file's or folder's name.
func agentNameOf(path string) string {
	base := strings.ToLower(strings.TrimSuffix(filepath.Base(path), ".wasm"))
	name := strings.Map(func(r rune) rune {
		if (r >= 'a' && r <= 'z') || (r >= '0' && r <= '9') {
			return r
		}
		return '-'
	}, base)
	name = strings.Trim(name, "-")
	if len(name) > 63 {
		name = name[:63]
	}
	if name == "" {
		return "agent"
	}
	return name
}
