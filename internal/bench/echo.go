package main

import (
	"context"
	"fmt"
	"strconv"
	"time"
)

// clientCounts are the numbers of clients that send at the same time.
var clientCounts = []int{16, 64}

// echoFigure is what one server did under the echo load.
type echoFigure struct {
	loadResult
	cpu time.Duration // per task
}

func (f echoFigure) String() string {
	return fmt.Sprintf("%.0f tasks/s, p50 %s, p99 %s, %.3f ms CPU and %.1f requests a task", f.perSecond(),
		f.P50.Round(10*time.Microsecond), f.P99.Round(10*time.Microsecond),
		float64(f.cpu.Microseconds())/1000, float64(f.Calls)/float64(f.Tasks))
}

// echoSection loads carrel and every reference with echo tasks, one server after
// another. A reference that cannot run has a row that says why.
func echoSection(ctx context.Context, s settings, t *table) error {
	rivals := t.able(ctx, s, references())
	for _, clients := range clientCounts {
		p := carrelPeer("echo")
		ours, err := echoUnder(ctx, s, p, clients)
		if err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		t.add(echoRow(clients, p), ours.String(), "", p.aim)
		for _, p := range rivals {
			theirs, err := echoUnder(ctx, s, p, clients)
			if err != nil {
				t.notRun(echoRow(clients, p), err)
				continue
			}
			t.add(echoRow(clients, p), theirs.String(), fmt.Sprintf("carrel %.1fx", ours.perSecond()/theirs.perSecond()), p.aim)
		}
	}
	return ctx.Err()
}

func echoRow(clients int, p peer) string { return fmt.Sprintf("echo, %d clients: %s", clients, p.name) }

// able installs the peers and returns those that could be; the others get a row.
func (t *table) able(ctx context.Context, s settings, all []peer) (able []peer) {
	for _, p := range all {
		command, err := p.command(ctx, s.dir)
		if err != nil {
			t.notRun(p.name, err)
			continue
		}
		p.command = func(context.Context, string) ([]string, error) { return command, nil }
		able = append(able, p)
	}
	return able
}

// echoUnder measures one server under one number of clients, after a warm-up.
func echoUnder(ctx context.Context, s settings, p peer, clients int) (echoFigure, error) {
	server, err := startPeer(ctx, s, p)
	if err != nil {
		return echoFigure{}, err
	}
	defer server.stop()
	url := server.base() + p.path
	if _, err := loadOnce(ctx, url, p.dialect, loadCore, clients, s.seconds/4); err != nil {
		return echoFigure{}, err
	}
	before, err := server.cpu()
	if err != nil {
		return echoFigure{}, err
	}
	figure, err := loadOnce(ctx, url, p.dialect, loadCore, clients, s.seconds)
	if err != nil {
		return echoFigure{}, err
	}
	after, err := server.cpu()
	return echoFigure{figure, (after - before) / time.Duration(figure.Tasks)}, err
}

// loadOnce runs the load in a process of its own. A figure with failed tasks in it is none.
func loadOnce(ctx context.Context, url, dialect, core string, clients int, d time.Duration) (loadResult, error) {
	cmd, err := self(ctx, core, "load", "--url", url, "--dialect", dialect,
		"--clients", strconv.Itoa(clients), "--time", d.String())
	if err != nil {
		return loadResult{}, err
	}
	var r loadResult
	if err := result(cmd, &r); err != nil {
		return r, err
	}
	if r.Errors > 0 || r.Tasks == 0 {
		return r, fmt.Errorf("%d of %d tasks failed: %s", r.Errors, r.Errors+r.Tasks, r.First)
	}
	return r, nil
}
