package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/carrelhq/carrel/host"
	"github.com/carrelhq/carrel/runtime"
)

// subject is a guest in carrel's runtime, by its public API.
type subject struct {
	engine  *runtime.Engine
	module  *runtime.Module
	bytes   []byte // of the module
	request []byte
}

func (s *subject) close() {
	s.module.Release()
	s.engine.Close()
}

// newSubject reads the flags of a role and loads the guest that they name.
func newSubject(ctx context.Context, flags *flag.FlagSet, args []string) (*subject, error) {
	file := flags.String("module", "", "the guest")
	request := flags.String("request", "", "what the guest is asked")
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	module, err := os.ReadFile(*file)
	if err != nil {
		return nil, err
	}
	s := &subject{bytes: module, request: []byte(*request)}
	return s, s.open(ctx, runtime.Options{})
}

// open makes an engine and loads the module.
func (s *subject) open(ctx context.Context, opts runtime.Options) (err error) {
	if s.engine, err = runtime.NewEngine(opts); err == nil {
		err = s.load(ctx)
	}
	return err
}

func (s *subject) load(ctx context.Context) (err error) {
	digest := sha256.Sum256(s.bytes)
	s.module, err = s.engine.Load(ctx, "bench", hex.EncodeToString(digest[:]), func(context.Context) ([]byte, error) { return s.bytes, nil })
	return err
}

// run takes a clean sandbox, runs the guest in it and gives it back. The session
// is made before: it is of the task, and what is compared has none.
func (s *subject) run(ctx context.Context) (took time.Duration, err error) {
	session := host.NewSession(ctx, noTasks{}, host.Options{Tenant: "bench"})
	defer session.End()
	begin := time.Now()
	reply, err := s.module.Run(ctx, s.request, session)
	took = time.Since(begin)
	if err == nil && !bytes.Contains(reply, []byte(`"completed"`)) {
		err = fmt.Errorf("the guest answered %.200q", reply)
	}
	return took, err
}

// sandboxMeter is the role that measures a clean sandbox and a run in it.
func sandboxMeter(ctx context.Context, args []string) error {
	s, err := newSubject(ctx, flag.NewFlagSet("sandbox", flag.ContinueOnError), args)
	if err != nil {
		return err
	}
	defer s.close()
	return answer(ctx, os.Stdin, os.Stdout, s.run)
}
