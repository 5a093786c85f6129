package main

import (
	"bytes"
	"context"
	"fmt"
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
	return ctx.Err()
}

func readingTasks(p peer) peer {
	p.dialect = reading
	return p
}

func readingCards(p peer) peer {
	p.dialect, p.path = carding, strings.TrimSuffix(p.path, "/")+cardPath
	return p
}
