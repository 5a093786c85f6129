package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/carrelhq/carrel/runtime"
)

// restartSection compares the first run after a restart with loading its module
// from the engine's own cache: of the runtime alone, which has loaded the module
// before as a server does until it says that it is ready, or does so then; and of a
// whole server.
func restartSection(ctx context.Context, s settings, t *table) error {
	guest, err := jsonGuest(ctx, s.dir)
	if err != nil {
		return err
	}
	data, err := os.MkdirTemp(s.dir, "data-")
	if err != nil {
		return err
	}
	server, err := startUploaded(ctx, s, data, "default/go="+guest, "default/small="+smallGuest)
	if err != nil {
		return err
	}
	server.stop()
	for _, c := range []struct{ name, agent, file string }{
		{"Go module", "default/go", guest}, {"small module", "default/small", smallGuest},
	} {
		on := []string{"-module", c.file, "-request", runRequest("1"), "-cache", filepath.Join(s.dir, "carrel-cache")}
		loading := fromEngines("wazero 1.12.0, loading it from its cache", "≤ 2x", "load",
			[]string{"-module", c.file, "-cache", filepath.Join(s.dir, "wazero-cache")})
		for _, ours := range []contender{
			{name: "carrel, preloaded", args: append(on, "-preload")}, {name: "carrel, loading it from its cache", args: on},
		} {
			ours.command = role("restarted")
			run := contest{what: "first run after a restart, " + c.name, rounds: 10, operations: 1, multiple: true, ours: ours, rivals: []contender{loading}}
			if err := run.run(ctx, s, t); err != nil {
				return err
			}
			loading.aim = "reported"
		}
		whole, err := inTurns(5, 1, timed(func() (time.Duration, error) { return firstTask(ctx, s, data, c.agent) }))
		if err != nil {
			return err
		}
		t.add("first task after a restart, over HTTP and durable, "+c.name+": carrel, preloaded", short(whole[0]), "", "≤ 2 ms")
	}
	return nil
}

// firstTask starts a server and times its first task once it says that it is ready.
func firstTask(ctx context.Context, s settings, data, agent string) (time.Duration, error) {
	server, err := startUploaded(ctx, s, data)
	if err != nil {
		return 0, err
	}
	defer server.stop()
	for deadline := time.Now().Add(10 * time.Second); ready(ctx, server) != nil; {
		if time.Now().After(deadline) {
			return 0, errors.New("the server does not get ready")
		}
		time.Sleep(5 * time.Millisecond)
	}
	begin := time.Now()
	err = sendText(server.base(), agent, "1")
	return time.Since(begin), err
}

// restarted is the role that measures the first run in a new engine whose module
// was compiled by another.
func restarted(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("restarted", flag.ContinueOnError)
	cache := flags.String("cache", "", "the folder of compiled code")
	preload := flags.Bool("preload", false, "load what was in use before the clock starts")
	s, err := newSubject(ctx, flags, args)
	if err != nil {
		return err
	}
	defer func() { s.close() }()
	once := func(ctx context.Context) (time.Duration, error) {
		s.close()
		if s.engine, err = runtime.NewEngine(runtime.Options{CacheDir: *cache}); err != nil {
			return 0, err
		}
		if *preload {
			s.engine.Preload(ctx, func(context.Context, string) ([]byte, error) { return s.bytes, nil })
		}
		begin := time.Now()
		if err := s.load(ctx); err != nil {
			return 0, err
		}
		_, err := s.run(ctx)
		return time.Since(begin), err
	}
	if _, err := once(ctx); err != nil { // fills the cache
		return fmt.Errorf("first run: %w", err)
	}
	return answer(ctx, os.Stdin, os.Stdout, once)
}
