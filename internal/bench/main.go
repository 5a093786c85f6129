// Command bench measures carrel against its references in one run and prints
// one table: the official Go and JavaScript servers, FastA2A, and Badger's own
// synced transactions. The references live in modules of their own below peers.
//
// It pins the server to one core and the load to another where taskset exists.
// A reference whose toolchain is missing is listed as NOT RUN, with the reason.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := dispatch(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// dispatch runs a role of the benchmark: the program starts itself anew for the
// server and the load, so that each has a process and a core of its own.
func dispatch(ctx context.Context, args []string) error {
	role := ""
	if len(args) > 0 && args[0] != "" && args[0][0] != '-' {
		role, args = args[0], args[1:]
	}
	switch role {
	case "":
		return measure(ctx, args)
	case "serve":
		return serve(ctx, args)
	case "guest":
		return serveGuest(ctx, args)
	case "load":
		return load(ctx, args)
	case "follow":
		return follow(ctx, args)
	case "stream":
		return stream(ctx, args)
	}
	return fmt.Errorf("no role %q; roles are serve, guest, load, follow and stream", role)
}

// settings are what a measurement can be told.
type settings struct {
	seconds time.Duration
	only    string
	dir     string
}

func measure(ctx context.Context, args []string) error {
	var s settings
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.DurationVar(&s.seconds, "time", 8*time.Second, "how long each server is loaded, per number of clients")
	flags.StringVar(&s.only, "only", "", "run one section: store, echo, chunks, followers or guest")
	if err := flags.Parse(args); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "carrel-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	s.dir = dir
	t := &table{}
	err = runSections(ctx, s, t)
	return errors.Join(t.print(os.Stdout), err)
}

// runSections fills the table. A section that fails has a row that says why, and
// fails the run at its end, so that the others are measured all the same.
func runSections(ctx context.Context, s settings, t *table) error {
	var errs []error
	for _, section := range []struct {
		name string
		run  func(context.Context, settings, *table) error
	}{
		{"store", storeSection}, {"echo", echoSection}, {"guest", guestSection},
		{"chunks", chunksSection}, {"followers", followersSection},
	} {
		if s.only != "" && s.only != section.name {
			continue
		}
		fmt.Fprintln(os.Stderr, "measuring", section.name, "…")
		if err := section.run(ctx, s, t); err != nil {
			t.notRun(section.name, err)
			errs = append(errs, fmt.Errorf("%s: %w", section.name, err))
		}
	}
	if len(t.rows) == 0 {
		return fmt.Errorf("no section %q", s.only)
	}
	return errors.Join(errs...)
}
