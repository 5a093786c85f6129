package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/carrelhq/carrel"
)

func newDevCommand(p program) *cobra.Command {
	var name string
	cmd := &cobra.Command{
		Use:     "dev DIR",
		GroupID: groupServe,
		Short:   "Build the agent in a folder, serve it, and swap it on every change",
		Long: `Build the agent in a folder with its own toolchain, serve it without credentials on
this machine, and build and swap it whenever its source changes. Tasks that run keep
the version they began with. While a build fails, the last good version is served.

The data is in a temporary folder that goes with the program, unless --data names one.`,
		Example: "  carrel dev examples/counter\n  carrel dev . --addr 127.0.0.1:8000 --data ./dev-data",
		Args:    asUsed,
	}
	settings := p.addSettings(cmd)
	cmd.Flags().StringVar(&name, "agent", "", "`name` of the agent; the folder's name when empty")
	hide(cmd, "dev", "tls-cert", "tls-key", "trusted-proxy", "public-url", "grpc-public-url", "default-agent")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		config, sources, err := settings()
		if err != nil {
			return err
		}
		dir, err := filepath.Abs(args[0])
		if err != nil {
			return err
		}
		if name == "" {
			name = agentNameOf(dir)
		}
		config.Dev = true
		return p.dev(cmd.Context(), dir, name, config, sources["data"] == "default")
	}
	return cmd
}

// hide takes flags out of the help that this command does not invite to use.
func hide(cmd *cobra.Command, names ...string) {
	for _, name := range names {
		cmd.Flags().Lookup(name).Hidden = true
	}
}

func (p program) dev(ctx context.Context, dir, name string, config Config, temporary bool) (err error) {
	tools, err := findToolchain(dir)
	if err != nil {
		return err
	}
	work, err := os.MkdirTemp("", "carrel-dev-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(work)) }()
	if temporary {
		config.Data = filepath.Join(work, "data")
	}
	server, err := p.newServer(ctx, config, p.tell)
	if err != nil {
		return err
	}
	d := &developer{program: p, dir: dir, name: name, tools: tools, module: filepath.Join(work, "agent.wasm"), server: server}
	return d.run(ctx)
}

// developer builds one agent and keeps a server up to date with it.
type developer struct {
	program
	dir, name string
	tools     toolchain
	module    string // where builds go
	server    *carrel.Server
	digest    string // of the version served; empty before the first
}

func (d *developer) run(ctx context.Context) error {
	// Watching begins before the first build: a change during it is seen.
	w, err := watch(d.dir, d.tools.sources)
	if err != nil {
		return errors.Join(err, d.server.Close())
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return d.server.Run(ctx) })
	g.Go(func() error {
		d.update(ctx)
		return w.run(ctx, func() { d.update(ctx) })
	})
	return errors.Join(g.Wait(), w.close())
}

// update builds the agent and makes it current. What goes wrong is said, and the
// version before stays.
func (d *developer) update(ctx context.Context) {
	start := time.Now()
	fmt.Fprintf(d.stdout, "building %s with %s\n", d.dir, d.tools.name)
	if err := d.tools.build(ctx, d.dir, d.module, d.stderr, d.env); err != nil {
		d.keep(ctx, err)
		return
	}
	c := d.client()
	pushed, err := c.pushFile(ctx, d.module, d.name, "")
	if err != nil {
		d.keep(ctx, err)
		return
	}
	took := time.Since(start).Round(10 * time.Millisecond)
	switch first := d.digest == ""; {
	case pushed.Current.Digest == d.digest:
		fmt.Fprintf(d.stdout, "nothing has changed, built in %s\n", took)
	case first:
		fmt.Fprintf(d.stdout, "%s is ready after %s\n", d.name, took)
		d.invite(c)
	default:
		fmt.Fprintf(d.stdout, "%s is now version %d, after %s\n", d.name, pushed.Current.Number, took)
	}
	d.digest = pushed.Current.Digest
}

// keep says what went wrong and what is served meanwhile.
func (d *developer) keep(ctx context.Context, err error) {
	if ctx.Err() != nil {
		return
	}
	fmt.Fprintf(d.stderr, "carrel: %s\n", printable(err.Error()))
	if d.digest == "" {
		fmt.Fprintf(d.stderr, "carrel: nothing is served yet; waiting for a change in %s\n", d.dir)
		return
	}
	fmt.Fprintln(d.stderr, "carrel: the version before is still served")
}

func (d *developer) client() *client {
	json := false
	return &client{output: output{d.program, &json}, server: d.server.URL(), tenant: "default"}
}

// invite prints how to talk to the agent.
func (d *developer) invite(c *client) {
	fmt.Fprintf(d.stdout, "  card   %s\n  talk   %s send %s 'hello'%s\n  or     %s\n",
		c.cardURL(d.name), commandName(), d.name, d.serverFlag(), curlLine(c.agentURL(d.name)))
}

// commandName is how this program was called: "go run" leaves it in a folder of its own.
func commandName() string {
	if path, err := os.Executable(); err == nil && strings.Contains(path, string(filepath.Separator)+"go-build") {
		return "go run ./cmd/carrel"
	}
	return "carrel"
}

// serverFlag is what the other commands need to find this server.
func (d *developer) serverFlag() string {
	if d.server.Addr().String() == carrel.DefaultAddr {
		return ""
	}
	return " --server " + d.server.URL()
}

// curlLine is a command that sends a message to the agent at the address. Its
// context is fixed, so that repeating it goes on with the conversation.
func curlLine(agent string) string {
	message := `{"messageId":"1","contextId":"first","role":"ROLE_USER","parts":[{"text":"hello"}]}`
	body := `{"jsonrpc":"2.0","id":1,"method":"SendMessage","params":{"message":` + message + `}}`
	return strings.Join([]string{"curl -s", agent, "-H 'Content-Type: application/json' -H 'A2A-Version: 1.0' -d", "'" + body + "'"}, " ")
}

// tell shows a line that an agent logged.
func (p program) tell(line carrel.Line) {
	fmt.Fprintf(p.stderr, "%s %-5s %s\n", line.Agent, line.Level, cell(line.Message))
}
