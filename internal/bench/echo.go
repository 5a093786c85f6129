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
	return fmt.Sprintf("%s and %.1f requests a task", f.as("tasks"), float64(f.Calls)/float64(f.Tasks))
}

// as is the figure of whatever was done again and again.
func (f echoFigure) as(what string) string {
	return fmt.Sprintf("%.0f %s/s, p50 %s, p99 %s, %.3f ms CPU", f.perSecond(), what,
		f.P50.Round(10*time.Microsecond), f.P99.Round(10*time.Microsecond), float64(f.cpu.Microseconds())/1000)
}

// over is the figure as a multiple of a reference's, by tasks and by the CPU time of
// each: the one says what clients saw, the other is true on a machine with other work, too.
func (f echoFigure) over(reference echoFigure) string {
	return fmt.Sprintf("%.1fx (%.1fx by CPU)", f.perSecond()/reference.perSecond(), float64(reference.cpu)/float64(f.cpu))
}

// echoSection loads carrel and every reference with echo tasks, one server after
// another: a Go guest with a sandbox for each task, a native worker, and the
// references. One that cannot run has a row that says why.
func echoSection(ctx context.Context, s settings, t *table) error {
	rivals := t.able(ctx, s, references())
	for _, clients := range clientCounts {
		guest, native, err := ownEchoes(ctx, s, t, clients)
		if err != nil {
			return err
		}
		for _, p := range rivals {
			theirs, err := echoUnder(ctx, s, p, clients)
			if err != nil {
				t.notRun(echoRow(clients, p), err)
				continue
			}
			t.add(echoRow(clients, p), theirs.String(), "guest "+guest.over(theirs)+", native "+native.over(theirs), p.aim)
		}
	}
	return ctx.Err()
}

// ownEchoes measures carrel's two kinds of agents.
func ownEchoes(ctx context.Context, s settings, t *table, clients int) (guest, native echoFigure, err error) {
	p, np := guestPeer(), carrelPeer("echo")
	if guest, err = echoUnder(ctx, s, p, clients); err != nil {
		return guest, native, fmt.Errorf("%s: %w", p.name, err)
	}
	if native, err = echoUnder(ctx, s, np, clients); err != nil {
		return guest, native, fmt.Errorf("%s: %w", np.name, err)
	}
	aim := p.aim
	if clients == 64 {
		aim += ", ≥ 0.75x"
	}
	t.add(echoRow(clients, p), guest.String(), fmt.Sprintf("%.2fx native", guest.perSecond()/native.perSecond()), aim)
	t.add(echoRow(clients, np), native.String(), "", np.aim)
	return guest, native, nil
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
