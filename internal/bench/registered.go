package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	registeredAgents = 10_000
	activeAgents     = 100
	distinctModules  = 10
)

// registeredSection measures how a server starts that has many agents, and what
// it takes when some of them work.
func registeredSection(ctx context.Context, s settings, t *table) error {
	guest, err := jsonGuest(ctx, s.dir)
	if err != nil {
		return err
	}
	data, err := os.MkdirTemp(s.dir, "data-")
	if err != nil {
		return err
	}
	if err := register(ctx, s, data, guest); err != nil {
		return err
	}
	begin := time.Now()
	server, err := startUploaded(ctx, s, data)
	if err != nil {
		return err
	}
	defer server.stop()
	if err := ready(ctx, server); err != nil {
		return err
	}
	what := "10,000 registered agents: "
	t.add(what+"start until ready", short(time.Since(begin)), "", "< 3 s")
	for _, c := range []struct {
		what, agent string
		n           int
	}{
		{"RSS with 100 active on one module", "agent", activeAgents},
		{"RSS with 10 Go modules loaded too", "module", distinctModules},
	} {
		for i := range c.n {
			if err := sendText(server.base(), fmt.Sprintf("default/%s-%d", c.agent, i), "1"); err != nil {
				return err
			}
		}
		f, err := footprintOf(server.cmd.Process.Pid)
		if err != nil {
			return err
		}
		t.add(what+c.what, mebibytes(f.RSS), "", "< 500 MB")
	}
	return nil
}

// register fills a store with agents of one small module and of distinct Go modules.
func register(ctx context.Context, s settings, data, guest string) error {
	server, err := startUploaded(ctx, s, data)
	if err != nil {
		return err
	}
	defer server.stop()
	token, err := operatorToken(filepath.Join(data, "uploaded"))
	if err != nil {
		return err
	}
	small, err := os.ReadFile(smallGuest)
	if err != nil {
		return err
	}
	large, err := os.ReadFile(guest)
	if err != nil {
		return err
	}
	for i := range distinctModules {
		if err := upload(ctx, http.DefaultClient, server.base(), token, fmt.Sprintf("default/module-%d", i), neverSeen(large)); err != nil {
			return err
		}
	}
	const atOnce = 32
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: atOnce}}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(atOnce)
	for i := range registeredAgents {
		g.Go(func() error {
			return upload(ctx, client, server.base(), token, fmt.Sprintf("default/agent-%d", i), small)
		})
	}
	return g.Wait()
}

// ready waits for the server's own word that a task need not wait.
func ready(ctx context.Context, s *server) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.base()+"/readyz", nil)
		if err != nil {
			return err
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return err
		}
		resp.Body.Close()
		if resp.StatusCode == http.StatusOK {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
