package runtime

import (
	"context"
	"encoding/binary"
	"errors"
	"sync"

	"github.com/carrelhq/carrel/abi"
	"github.com/carrelhq/carrel/host"
)

// maxReply bounds what a run answers, in bytes.
const maxReply = 1 << 20

// Sandbox is one isolated instance of a module, for one run.
type Sandbox struct {
	module   *Module
	instance *instance
	used     bool
	failed   bool
	release  sync.Once
}

// errUsed is returned by a second Run.
var errUsed = errors.New("runtime: a sandbox runs once")

// Run passes the request on to the guest and returns a copy of its reply. Host
// calls go to session. It returns within moments of ctx's end with ctx's cause;
// with an ErrTrap or a host.ErrGuest when the guest is at fault; with another
// error when carrel is. It is called once.
func (s *Sandbox) Run(ctx context.Context, request []byte, session *host.Session) (reply []byte, err error) {
	if s.used {
		return nil, errUsed
	}
	s.used = true
	in := s.instance
	defer func() { s.failed = err != nil }()
	err = in.scheduled(ctx, session.Tenant(), func(ctx context.Context) error {
		in.attach(session)
		session.OnWait(in.aside(ctx))
		defer in.output.flush()
		reply, err = in.run(ctx, request)
		return err
	})
	return reply, err
}

// run passes the request on, as the module's dialect has it.
func (in *instance) run(ctx context.Context, request []byte) ([]byte, error) {
	reply, err := in.of.outline.dialect.run(ctx, in, request)
	if in.share.refused.Load() && ctx.Err() == nil {
		return nil, errNoMemory
	}
	return reply, err
}

// reseed gives the guest's own generators a seed of this run: they were made
// before it, and alike in every sandbox.
func (in *instance) reseed(ctx context.Context) error {
	if in.function(abi.ExportReseed) == nil {
		return nil
	}
	var seed [8]byte
	in.session.Random(seed[:])
	return in.call(ctx, abi.ExportReseed, binary.LittleEndian.Uint64(seed[:]))
}

// Release gives the sandbox back, used or not. It may be called twice.
func (s *Sandbox) Release() {
	s.release.Do(func() {
		defer s.module.engine.inUse.Done()
		s.module.give(s.instance, !s.failed)
	})
}
