package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
)

// peer is a server under the echo load.
type peer struct {
	name    string
	dialect string
	path    string
	// aim is the ratio that carrel's guest promises to it.
	aim string
	// command installs what the peer needs and returns its command without the port.
	command func(ctx context.Context, dir string) ([]string, error)
	// portFlag is put before the port.
	portFlag []string
}

// references are the servers that carrel is compared with. FastA2A is there
// twice: its answer to message/send has often ended already under load, and then
// a client that looks need not poll. The aim is for the one that sends, then polls.
func references() []peer {
	return []peer{
		a2aGo(),
		{name: "@a2a-js/sdk 1.3.0, in memory", dialect: blocking, path: "/", aim: "≥ 2x", command: installed("a2ajs", "node", "server.mjs")},
		fastA2A("an artifact, send then poll", polled, "≥ 4x"),
		fastA2A("the same, poll only if needed", eager, "reported"),
	}
}

func a2aGo() peer {
	return peer{name: "a2a-go v2.4.0, in memory", dialect: blocking, path: "/", aim: "≥ 8x", command: installed("a2ago", "bin/a2ago")}
}

func fastA2A(how, dialect, aim string) peer {
	return peer{name: "fasta2a 2.1.1, in memory, " + how, dialect: dialect, path: "/", aim: aim, command: installed("fasta2a", ".venv/bin/python", "server.py")}
}

// installed returns a command whose files lie in the peer's folder below the
// repository's root, where the benchmark runs; make puts what is missing there.
func installed(name string, command ...string) func(context.Context, string) ([]string, error) {
	return func(ctx context.Context, _ string) ([]string, error) {
		dir, err := filepath.Abs(filepath.Join("internal", "bench", "peers", name))
		if err != nil {
			return nil, err
		}
		if err := runIn(ctx, dir, "make", "-s", "install"); err != nil {
			return nil, err
		}
		return inFolder(dir, command), nil
	}
}

// inFolder names the words of command that are files in dir by their whole paths.
func inFolder(dir string, command []string) []string {
	out := make([]string, len(command))
	for i, word := range command {
		out[i] = word
		if path := filepath.Join(dir, word); exists(path) {
			out[i] = path
		}
	}
	return out
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func runIn(ctx context.Context, dir, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", name, err, out)
	}
	return nil
}

// carrelPeer is carrel itself with one of its native agents.
func carrelPeer(agent string) peer {
	return peer{
		name: "carrel, durable, native worker", dialect: blocking, path: "/agents/default/" + agent,
		aim: "0.2 ms CPU", portFlag: []string{"--port"},
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
