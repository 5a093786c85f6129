// Command clients lets clients that others wrote drive a carrel server: the
// official ones of Python and JavaScript. Each has a suite of tests in its own
// language below this folder, against the agent in agent. The official Go
// client's tests are in server and cmd/carrel.
//
// It builds carrel and the agent, starts a server with a key, gRPC and the way
// to webhooks on this machine, fetches what the suites pin, and runs them all at
// once. A suite whose toolchain is missing is listed as NOT RUN, with the reason;
// in CI, where the variable CI is set, that is a failure.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// home is this folder, from the repository's root, where the program runs.
const home = "internal/clients"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := drive(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "clients:", err)
		os.Exit(1)
	}
}

// drive runs the suites against one server. Toolchains are made ready while the
// server is built.
func drive(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "carrel-clients-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	python, node := newPython(), newNode()
	var ready sync.WaitGroup
	ready.Go(func() { python.prepare(ctx) })
	ready.Go(func() { node.prepare(ctx) })
	server, err := startServer(ctx, dir)
	ready.Wait()
	if err != nil {
		return err
	}
	defer server.stop()
	err = runAll(ctx, suites(python, node), server.environment())
	if err != nil {
		server.stop() // so that it has said all
		fmt.Printf("the server said:\n%s\n", server.said)
	}
	return err
}

// runAll runs the suites and prints what came of each as it ends.
func runAll(ctx context.Context, suites []suite, env []string) error {
	failed := make([]error, len(suites))
	var running sync.WaitGroup
	for i, s := range suites {
		running.Go(func() {
			began := time.Now()
			summary, err := s.run(ctx, env)
			failed[i] = report(os.Stdout, s.name, summary, time.Since(began), err)
		})
	}
	running.Wait()
	return errors.Join(failed...)
}

var printing sync.Mutex

// report prints a suite's result and returns what is to count as a failure.
func report(w *os.File, name, summary string, took time.Duration, err error) error {
	printing.Lock()
	defer printing.Unlock()
	var missing *missingError
	switch {
	case err == nil:
		fmt.Fprintf(w, "ok       %s: %s, %.1fs\n", name, summary, took.Seconds())
		return nil
	case errors.As(err, &missing):
		fmt.Fprintf(w, "NOT RUN: %s (%v)\n", name, err)
		if os.Getenv("CI") == "" {
			return nil
		}
		return fmt.Errorf("%s was not run, which in CI it must be: %w", name, err)
	}
	fmt.Fprintf(w, "FAILED   %s\n%s\n", name, summary)
	return fmt.Errorf("%s: %w", name, err)
}

// inHome is a path in this folder, absolute.
func inHome(elements ...string) string {
	path, err := filepath.Abs(filepath.Join(append([]string{home}, elements...)...))
	if err != nil {
		return filepath.Join(elements...) // the working directory is gone: what opens the path says so
	}
	return path
}
