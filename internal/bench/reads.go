package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"

	"github.com/valyala/fasthttp"
)

const (
	readClients = 16
	cardPath    = "/.well-known/agent-card.json"
)

// readTask is one GetTask of a finished task with one artifact, which each client
// has made with its first call.
func readTask(c *caller) error {
	if c.task == "" {
		t, err := echo(c)
		c.task = t.ID
		return err
	}
	var t benchTask
	if err := c.result(`{"jsonrpc":"2.0","id":1,"method":"GetTask","params":{"id":"`+c.task+`"}}`, &t); err != nil {
		return err
	}
	return completedEcho(t)
}

// readCard fetches the agent's card, as a client does that does not know it yet.
func readCard(c *caller) error {
	card, err := c.exchange(func(req *fasthttp.Request) { req.SetRequestURI(c.url) })
	if err == nil && !bytes.Contains(card, []byte(`"skills"`)) {
		err = fmt.Errorf("not a card: %.200q", card)
	}
	return err
}

// readsSection compares how fast a finished task and a card are read.
func readsSection(ctx context.Context, s settings, t *table) error {
	rivals := t.able(ctx, s, []peer{a2aGo()})
	for _, what := range []struct {
		name string
		of   func(peer) peer
	}{{"GetTask", readingTasks}, {"card", readingCards}} {
		row := func(p peer) string { return fmt.Sprintf("%s, %d clients: %s", what.name, readClients, p.name) }
		ours, err := echoUnder(ctx, s, what.of(guestPeer()), readClients)
		if err != nil {
			return fmt.Errorf("%s: %w", row(guestPeer()), err)
		}
		t.add(row(guestPeer()), ours.as("requests"), "", "")
		for _, p := range rivals {
			theirs, err := echoUnder(ctx, s, what.of(p), readClients)
			if err != nil {
				t.notRun(row(p), err)
				continue
			}
			t.add(row(p), theirs.as("requests"), "carrel "+ours.over(theirs), "≥ 3x")
		}
	}
	return possibleCard(ctx, s, t)
}

// possibleCard measures the engine below carrel's edge with a constant of a card's
// size: more than that no server on it can do, one request after another.
func possibleCard(ctx context.Context, s settings, t *table) error {
	p := readingCards(peer{name: "fasthttp alone, a constant: what is possible", path: "/", portFlag: []string{"--port"}, command: func(context.Context, string) ([]string, error) {
		self, err := os.Executable()
		return []string{self, "constant"}, err
	}})
	figure, err := echoUnder(ctx, s, p, readClients)
	if err != nil {
		return fmt.Errorf("%s: %w", p.name, err)
	}
	t.add(fmt.Sprintf("card, %d clients: %s", readClients, p.name), figure.as("requests"), "", "")
	return ctx.Err()
}

// constant is as long as a small agent's card.
var constant = []byte(`{"skills":[],"description":"` + strings.Repeat("x", 1200) + `"}`)

// serveConstant answers every request with the constant.
func serveConstant(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("constant", flag.ContinueOnError)
	port := flags.Int("port", 0, "the port to listen on")
	if err := flags.Parse(args); err != nil {
		return err
	}
	server := &fasthttp.Server{Handler: func(c *fasthttp.RequestCtx) {
		c.SetContentType("application/json")
		c.SetBody(constant)
	}}
	l, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(*port))
	if err != nil {
		return err
	}
	context.AfterFunc(ctx, func() { server.Shutdown() })
	fmt.Println("ready")
	return server.Serve(l)
}

func readingTasks(p peer) peer {
	p.dialect = reading
	return p
}

func readingCards(p peer) peer {
	p.dialect, p.path = carding, strings.TrimSuffix(p.path, "/")+cardPath
	return p
}
