package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// server is a carrel server in a process of its own, with the agent.
type server struct {
	process *exec.Cmd
	said    *bytes.Buffer // on standard error
	url     string
	key     string // a key of the agent's tenant
}

// startServer builds carrel and the agent into dir, and starts the server there.
func startServer(ctx context.Context, dir string) (*server, error) {
	carrel, agent := filepath.Join(dir, "carrel"), filepath.Join(dir, "agent.wasm")
	if _, err := output(ctx, "", nil, "go", "build", "-o", carrel, "./cmd/carrel"); err != nil {
		return nil, err
	}
	wasm := []string{"GOOS=wasip1", "GOARCH=wasm"}
	if _, err := output(ctx, inHome("agent"), wasm, "go", "build", "-buildmode=c-shared", "-ldflags", "-s -w", "-o", agent, "."); err != nil {
		return nil, err
	}
	data := filepath.Join(dir, "data")
	s, err := serve(ctx, carrel, data)
	if err != nil {
		return nil, err
	}
	at := []string{"--server", s.url, "--data", data}
	if _, err = output(ctx, "", nil, append([]string{carrel, "push", agent, "--agent", "clients"}, at...)...); err == nil {
		s.key, err = output(ctx, "", nil, append([]string{carrel, "keys", "create", "--name", "clients"}, at...)...)
	}
	if err != nil {
		s.stop()
		return nil, err
	}
	return s, nil
}

// serve starts the server at free ports and waits until it has said where it is.
func serve(ctx context.Context, carrel, data string) (*server, error) {
	s := &server{said: new(bytes.Buffer)}
	s.process = exec.CommandContext(ctx, carrel, "serve", "--data", data, "--addr", "127.0.0.1:0", "--grpc-addr", "127.0.0.1:0",
		"--allow-egress", "127.0.0.1", "--compile-timeout", "10m", "--soft-stop", "1s")
	s.process.Stderr = s.said
	s.process.WaitDelay = 5 * time.Second
	banner, err := s.process.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := s.process.Start(); err != nil {
		return nil, err
	}
	for lines := bufio.NewScanner(banner); lines.Scan(); {
		if fields := strings.Fields(lines.Text()); len(fields) == 2 && fields[0] == "listening" {
			s.url = fields[1]
			go func() { // the server must not block on a full pipe
				for lines.Scan() {
				}
			}()
			return s, nil
		}
	}
	err = s.process.Wait()
	return nil, fmt.Errorf("the server did not start: %w\n%s", err, s.said)
}

// environment is what the suites are told of the server.
func (s *server) environment() []string {
	return []string{"CARREL_AGENT=" + s.url + "/agents/default/clients", "CARREL_TOKEN=" + s.key}
}

func (s *server) stop() {
	s.process.Process.Signal(os.Interrupt)
	s.process.Wait()
}

// output runs a command, in dir with env added, and returns its standard output.
// An error has what the command said on standard error.
func output(ctx context.Context, dir string, env []string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	out, err := cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		err = fmt.Errorf("%s: %w\n%s", args[0], err, exit.Stderr)
	}
	return strings.TrimSpace(string(out)), err
}
