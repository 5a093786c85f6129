package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"
)

// peer is a server under the echo load.
type peer struct {
	name    string
	dialect string
	path    string
	// command installs what the peer needs and returns its command without the port.
	command func(ctx context.Context, dir string) ([]string, error)
	// portFlag is put before the port.
	portFlag []string
}

var peers = []peer{
	{name: "a2a-go v2.4.0, in memory", dialect: "1.0", path: "/", command: installA2AGo},
	{name: "@a2a-js/sdk 1.3.0, in memory", dialect: "1.0", path: "/", command: installA2AJS},
	{name: "fasta2a 0.6.1, in memory, no artifact", dialect: "0.3", path: "/", command: installFastA2A},
}

// aims are the ratios carrel promises to each peer, in their order.
var aims = []string{"≥ 4x", "≥ 1x", "≥ 1x"}

func installA2AGo(ctx context.Context, dir string) ([]string, error) {
	out := filepath.Join(dir, "a2ago")
	return []string{out}, runIn(ctx, peerDir("a2ago"), "go", "build", "-o", out, ".")
}

func installA2AJS(ctx context.Context, dir string) ([]string, error) {
	if err := copyInto(dir, "a2ajs", "package.json", "package-lock.json", "server.mjs"); err != nil {
		return nil, err
	}
	at := filepath.Join(dir, "a2ajs")
	return []string{"node", filepath.Join(at, "server.mjs")}, runIn(ctx, at, "npm", "ci", "--no-audit", "--no-fund")
}

func installFastA2A(ctx context.Context, dir string) ([]string, error) {
	env := filepath.Join(dir, "fasta2a")
	if err := runIn(ctx, dir, "python3", "-m", "venv", env); err != nil {
		return nil, err
	}
	python := filepath.Join(env, "bin", "python")
	at := peerDir("fasta2a")
	return []string{python, filepath.Join(at, "server.py")},
		runIn(ctx, at, python, "-m", "pip", "install", "-q", "-r", "requirements.txt")
}

// peerDir is the folder of a peer; the benchmark runs in the repository's root.
func peerDir(name string) string {
	path, err := filepath.Abs(filepath.Join("internal", "bench", "peers", name))
	if err != nil {
		return name
	}
	return path
}

func copyInto(dir, name string, files ...string) error {
	if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
		return err
	}
	for _, f := range files {
		data, err := os.ReadFile(filepath.Join(peerDir(name), f))
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, name, f), data, 0o644); err != nil {
			return err
		}
	}
	return nil
}

func runIn(ctx context.Context, dir, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %.300s", name, err, out)
	}
	return nil
}

// echoFigure is what one server did under the echo load.
type echoFigure struct {
	loadResult
	cpu time.Duration // per task
}

func (f echoFigure) String() string {
	return fmt.Sprintf("%.0f tasks/s, p50 %s, p99 %s, %.3f ms CPU a task", f.perSecond(),
		f.P50.Round(10*time.Microsecond), f.P99.Round(10*time.Microsecond), float64(f.cpu.Microseconds())/1000)
}

// echoSection loads carrel and every peer with blocking echo tasks, one after another.
func echoSection(ctx context.Context, s settings, t *table) error {
	servers := append([]peer{carrelPeer("echo")}, peers...)
	for i, p := range servers[1:] {
		command, err := p.command(ctx, s.dir)
		if err != nil {
			t.notRun(p.name, err)
			servers[i+1].command = nil
			continue
		}
		servers[i+1].command = func(context.Context, string) ([]string, error) { return command, nil }
	}
	for _, clients := range []int{16, 64} {
		var ours echoFigure
		for i, p := range servers {
			if p.command == nil {
				continue
			}
			figure, err := echoUnder(ctx, s, p, clients)
			if err != nil {
				return fmt.Errorf("%s: %w", p.name, err)
			}
			name := fmt.Sprintf("echo, %d clients: %s", clients, p.name)
			if i == 0 {
				ours = figure
				t.add(name, figure.String(), "", "0.2 ms CPU")
				continue
			}
			t.add(name, figure.String(), fmt.Sprintf("carrel %.1fx", ours.perSecond()/figure.perSecond()), aims[i-1])
		}
	}
	return nil
}

// carrelPeer is carrel itself with one of its native agents.
func carrelPeer(agent string) peer {
	return peer{
		name: "carrel, durable, native worker", dialect: "1.0", path: "/agents/default/" + agent,
		portFlag: []string{"--port"},
		command: func(_ context.Context, dir string) ([]string, error) {
			self, err := os.Executable()
			if err != nil {
				return nil, err
			}
			data, err := os.MkdirTemp(dir, "data-")
			return []string{self, "serve", "--data", data}, err
		},
	}
}

// startPeer starts a server on its core.
func startPeer(ctx context.Context, s settings, p peer) (*server, error) {
	command, err := p.command(ctx, s.dir)
	if err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	args := append(append(command[1:len(command):len(command)], p.portFlag...), strconv.Itoa(port))
	return start(pinned(ctx, serverCore, command[0], args...), port)
}

// echoUnder measures one server under one number of clients, after a warm-up.
func echoUnder(ctx context.Context, s settings, p peer, clients int) (echoFigure, error) {
	server, err := startPeer(ctx, s, p)
	if err != nil {
		return echoFigure{}, err
	}
	defer server.stop()
	if _, err := loadOnce(ctx, server, p, clients, s.seconds/4); err != nil {
		return echoFigure{}, err
	}
	before, err := server.cpu()
	if err != nil {
		return echoFigure{}, err
	}
	figure, err := loadOnce(ctx, server, p, clients, s.seconds)
	if err != nil {
		return echoFigure{}, err
	}
	after, err := server.cpu()
	return echoFigure{figure, (after - before) / time.Duration(max(figure.Tasks, 1))}, err
}

func loadOnce(ctx context.Context, server *server, p peer, clients int, d time.Duration) (loadResult, error) {
	cmd, err := self(ctx, loadCore, "load", "--url", server.base()+p.path, "--dialect", p.dialect,
		"--clients", strconv.Itoa(clients), "--time", d.String())
	if err != nil {
		return loadResult{}, err
	}
	var r loadResult
	if err := result(cmd, &r); err != nil {
		return r, err
	}
	if r.Errors > 0 || r.Tasks == 0 {
		return r, errors.Join(fmt.Errorf("%d of %d tasks failed", r.Errors, r.Errors+r.Tasks), errors.New(r.First))
	}
	return r, nil
}
