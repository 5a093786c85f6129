// Command bench measures carrel against its references in one run and prints
// one table: the official Go and JavaScript servers, FastA2A, Badger's own synced
// transactions, and wazero, Extism and wasmtime as they come. The references live
// in modules of their own below peers, and what all run in guests.
//
// It pins the server to one core and the load to another where taskset exists.
// A reference whose toolchain is missing is listed as NOT RUN, with the reason.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/signal"
	"slices"
	"strings"
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
	if role == "" {
		return measure(ctx, args)
	}
	run, ok := roles[role]
	if !ok {
		return fmt.Errorf("no role %q; roles are %s", role, strings.Join(slices.Sorted(maps.Keys(roles)), ", "))
	}
	return run(ctx, args)
}

// roles are what the program starts itself anew as, and soak, which is for people.
var roles = map[string]func(context.Context, []string) error{
	"serve": serve, "guests": serveGuests, "constant": serveConstant, "compile-child": compileChild,
	"load": load, "follow": follow, "streams": streams, "stream": stream,
	"webhooks": webhooks, "sandbox": sandboxMeter, "restarted": restarted, "idle": idle, "parallel": parallel, "soak": soak,
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
	flags.StringVar(&s.only, "only", "", "run one section: "+sectionNames())
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

// sections are what is measured, one after another.
var sections = []struct {
	name string
	run  func(context.Context, settings, *table) error
}{
	{"store", storeSection}, {"echo", echoSection}, {"reads", readsSection},
	{"streamed", streamedSection}, {"chunks", chunksSection}, {"followers", followersSection}, {"streams", streamsSection}, {"webhooks", webhooksSection},
	{"sandbox", sandboxSection}, {"fuel", fuelSection}, {"parallel", parallelSection}, {"memory", memorySection}, {"reset", resetSection},
	{"first", firstSection}, {"restart", restartSection}, {"registered", registeredSection}, {"neighbours", neighboursSection},
	{"lists", listsSection},
}

func sectionNames() string {
	var names []string
	for _, section := range sections {
		names = append(names, section.name)
	}
	return strings.Join(names, ", ")
}

// runSections fills the table. A section that fails has a row that says why, and
// fails the run at its end, so that the others are measured all the same.
func runSections(ctx context.Context, s settings, t *table) error {
	var errs []error
	for _, section := range sections {
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
