package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	goruntime "runtime"
	"runtime/debug"

	"github.com/carrelhq/carrel/host"
	"github.com/carrelhq/carrel/runtime"
)

// idleResult is what clean sandboxes cost that wait.
type idleResult struct {
	Linear int64 // bytes of the linear memory of one
	Each   int64 // bytes of the process for one more
}

// warmSandboxes is how many are held: as many as a pool keeps.
const warmSandboxes = 64

// idle is the role that runs a guest in many sandboxes at a time, gives them back
// clean, and tells what each costs.
func idle(ctx context.Context, args []string) error {
	s, err := newSubject(ctx, flag.NewFlagSet("idle", flag.ContinueOnError), args)
	if err != nil {
		return err
	}
	defer s.close()
	if _, err := s.run(ctx); err != nil {
		return err
	}
	before, err := settled()
	if err != nil {
		return err
	}
	if err := s.runAtOnce(ctx, warmSandboxes); err != nil {
		return err
	}
	after, err := settled()
	if err != nil {
		return err
	}
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		return err
	}
	r := idleResult{Linear: largestMapping(maps, "memfd:"), Each: (after - before) / (warmSandboxes - 1)}
	return json.NewEncoder(os.Stdout).Encode(r)
}

// settled is the memory of this process after a collection.
func settled() (int64, error) {
	goruntime.GC()
	debug.FreeOSMemory()
	return proportional(os.Getpid())
}

// runAtOnce holds n sandboxes at a time, each after a run.
func (s *subject) runAtOnce(ctx context.Context, n int) error {
	var held []*runtime.Sandbox
	defer func() {
		for _, sandbox := range held {
			sandbox.Release()
		}
	}()
	for range n {
		sandbox, err := s.module.Sandbox(ctx, "bench")
		if err != nil {
			return err
		}
		held = append(held, sandbox)
		session := host.NewSession(ctx, noTasks{}, host.Options{})
		_, err = sandbox.Run(ctx, s.request, session)
		if err = errors.Join(err, session.End()); err != nil {
			return err
		}
	}
	return nil
}

// memorySection measures what a warm sandbox costs.
func memorySection(ctx context.Context, s settings, t *table) error {
	guest, err := jsonGuest(ctx, s.dir)
	if err != nil {
		return err
	}
	cmd, err := self(ctx, serverCore, "idle", "-module", guest, "-request", runRequest("1"))
	if err != nil {
		return err
	}
	var r idleResult
	if err := result(cmd, &r); err != nil {
		return err
	}
	if r.Linear == 0 {
		return errors.New("no sandbox has an image in memory here")
	}
	t.add(fmt.Sprintf("memory of a warm sandbox, Go guest, of %d", warmSandboxes), mebibytes(r.Each),
		part(float64(r.Each), float64(r.Linear))+" of its linear memory, "+mebibytes(r.Linear), "< 1/10")
	return nil
}
