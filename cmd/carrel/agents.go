package main

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/carrelhq/carrel/agent"
)

func newAgentsCommand(p program) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "agents",
		GroupID: groupAgent,
		Short:   "List, show and change the agents of a tenant",
		Args:    cobra.NoArgs,
	}
	cmd.AddCommand(newAgentsListCommand(p), newAgentsShowCommand(p), newAgentsRollbackCommand(p),
		newAgentsVisibilityCommand(p), newAgentsProtocolsCommand(p), newAgentsCardCommand(p), newAgentsDeleteCommand(p))
	return cmd
}

func newAgentsListCommand(p program) *cobra.Command {
	cmd := &cobra.Command{Use: "list", Short: "List the agents", Args: cobra.NoArgs}
	c := p.addClient(cmd)
	cmd.RunE = c.resolved(func(ctx context.Context, _ []string) error {
		list, err := all[agent.Agent](ctx, c, c.tenantPath("agents"))
		if err != nil {
			return err
		}
		return c.print(list, func() {
			rows := make([][]string, len(list))
			for i, a := range list {
				rows[i] = []string{a.Name, strconv.Itoa(a.Current.Number), short(a.Current.Digest), string(a.Visibility), when(a.Updated), a.Current.Description.Description}
			}
			c.table("NAME VERSION DIGEST VISIBLE UPDATED ABOUT", rows)
		})
	})
	return cmd
}

func newAgentsShowCommand(p program) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "show AGENT",
		Short: "Show an agent with its versions and what it may call",
		Args:  asUsed,
	}
	c := p.addClient(cmd)
	cmd.RunE = c.resolved(func(ctx context.Context, args []string) error {
		var shown struct {
			agent.Agent
			Versions []agent.Version `json:"versions"`
		}
		if err := c.call(ctx, http.MethodGet, c.agentPath(args[0]), nil, &shown.Agent); err != nil {
			return err
		}
		versions, err := all[agent.Version](ctx, c, c.agentPath(args[0], "versions"))
		if err != nil {
			return err
		}
		shown.Versions = versions
		return c.print(shown, func() { c.showAgent(shown.Agent, versions) })
	})
	return cmd
}

func (c *client) showAgent(a agent.Agent, versions []agent.Version) {
	v := a.Current
	c.field("agent", a.Tenant+"/"+a.Name)
	c.field("about", v.Description.Description)
	c.field("version", strings.TrimSpace(strconv.Itoa(v.Number)+" "+v.Description.Version))
	c.field("digest", v.Digest)
	c.field("size", fmt.Sprintf("%d bytes", v.Size))
	c.field("wants", wantsText(v.Wants))
	c.field("granted", strings.Join(v.Grants, ", "))
	c.field("denied", strings.Join(v.NeedsGrants, ", "))
	c.field("visible", string(a.Visibility))
	c.field("speaks", "A2A "+strings.Join(a.Protocols, ", "))
	c.field("card", c.cardURL(a.Name))
	fmt.Fprintln(c.stdout)
	rows := make([][]string, len(versions))
	for i, v := range versions {
		mark := ""
		if v.Digest == a.Current.Digest {
			mark = "current"
		}
		rows[i] = []string{strconv.Itoa(v.Number), short(v.Digest), strconv.FormatInt(v.Size, 10), when(v.Created), mark}
	}
	c.table("VERSION DIGEST SIZE CREATED STATE", rows)
}

func newAgentsRollbackCommand(p program) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "rollback AGENT DIGEST",
		Short:   "Make an older version current again",
		Long:    "Make an older version current again. DIGEST is the version's, or its first digits (6 at least).",
		Example: "  carrel agents rollback counter 4f3a91",
		Args:    asUsed,
	}
	c := p.addClient(cmd)
	cmd.RunE = c.resolved(func(ctx context.Context, args []string) error {
		var a agent.Agent
		in := map[string]string{"digest": args[1]}
		if err := c.call(ctx, http.MethodPost, c.agentPath(args[0], "rollback"), in, &a); err != nil {
			return err
		}
		return c.print(a, func() { c.pushed(a) })
	})
	return cmd
}

func newAgentsVisibilityCommand(p program) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "visibility AGENT public|card|private",
		Short: "Say who may see and call an agent",
		Long: `Say who may see and call an agent.

  public   anyone may call it
  card     anyone may read its card, calls need a key of the tenant
  private  without a key of the tenant it is not there`,
		Args: asUsed,
	}
	c := p.addClient(cmd)
	cmd.RunE = c.resolved(func(ctx context.Context, args []string) error {
		if err := oneOf(args[1], string(agent.Public), string(agent.CardOnly), string(agent.Private)); err != nil {
			return usageError{err}
		}
		var a agent.Agent
		in := map[string]string{"visibility": args[1]}
		if err := c.call(ctx, http.MethodPatch, c.agentPath(args[0]), in, &a); err != nil {
			return err
		}
		return c.print(a, func() { fmt.Fprintf(c.stdout, "%s/%s is %s\n", a.Tenant, a.Name, a.Visibility) })
	})
	return cmd
}

func newAgentsProtocolsCommand(p program) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "protocols AGENT VERSIONS",
		Short: "Say which versions of A2A an agent speaks",
		Long: `Say which versions of A2A an agent speaks. VERSIONS is one of

  1.0,0.3  clients of 0.3 are served too; who does not say which version it speaks finds
           on the card what both know. So it is for a new agent
  1.0      calls of 0.3 are refused, and everybody gets the card of 1.0, with its signatures`,
		Example: "  carrel agents protocols counter 1.0",
		Args:    asUsed,
	}
	c := p.addClient(cmd)
	cmd.RunE = c.resolved(func(ctx context.Context, args []string) error {
		versions := strings.Split(args[1], ",")
		if !slices.Contains(versions, "1.0") {
			return usagef("VERSIONS is 1.0 or 1.0,0.3, since no agent is without 1.0; it is %q", args[1])
		}
		var a agent.Agent
		in := map[string][]string{"protocolVersions": versions}
		if err := c.call(ctx, http.MethodPatch, c.agentPath(args[0]), in, &a); err != nil {
			return err
		}
		return c.print(a, func() {
			fmt.Fprintf(c.stdout, "%s/%s speaks A2A %s\n", a.Tenant, a.Name, strings.Join(a.Protocols, " and "))
		})
	})
	return cmd
}

func newAgentsDeleteCommand(p program) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "delete AGENT",
		Short: "Delete an agent, its versions, tasks and contexts",
		Args:  asUsed,
	}
	c := p.addClient(cmd)
	cmd.RunE = c.resolved(func(ctx context.Context, args []string) error {
		if err := c.call(ctx, http.MethodDelete, c.agentPath(args[0]), nil, nil); err != nil {
			return err
		}
		return c.print(map[string]string{"deleted": args[0]}, func() { fmt.Fprintf(c.stdout, "%s/%s is deleted\n", c.tenant, cell(args[0])) })
	})
	return cmd
}

// short is a digest's first digits, enough to tell versions apart.
func short(digest string) string { return digest[:min(len(digest), 12)] }

// when is a time as people read it, in their own zone.
func when(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Local().Format(time.DateTime)
}
