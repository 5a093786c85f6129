package runtime

import (
	"context"
	"encoding/binary"
	"errors"
	"sync"

	"github.com/carrelhq/carrel/abi"
	"github.com/carrelhq/carrel/host"
	"github.com/carrelhq/carrel/runtime/schedule"
)

// maxReply bounds what a run answers, in bytes.
const maxReply = 1 << 20

// Sandbox is one isolated instance of a module, for one run.
type Sandbox struct {
	module   *Module
	instance *instance
	turn     *schedule.Turn // the run's, when it came first
	used     bool
	failed   bool
	release  sync.Once
}

// errUsed is returned by a second Run.
var errUsed = errors.New("runtime: a sandbox runs once")

// Run passes the request on to the guest, in a clean sandbox that nobody else has,
// once it is the tenant's turn, and returns a copy of its reply. Host calls go to
// session. It returns within moments of ctx's end with ctx's cause; with an ErrTrap
// or a host.ErrGuest when the guest is at fault; with another error when carrel is.
func (m *Module) Run(ctx context.Context, request []byte, session *host.Session) ([]byte, error) {
	s, err := m.prepare(ctx, session.Tenant())
	if err != nil {
		return nil, err
	}
	defer s.Release()
	return s.Run(ctx, request, session)
}

// prepare takes a sandbox when its run can begin. While runs wait for the CPU, few
// sandboxes do: those that were used last are used again, with all that is theirs in
// the processor's caches.
func (m *Module) prepare(ctx context.Context, tenant string) (*Sandbox, error) {
	turn, err := m.engine.turn(ctx, tenant)
	if err != nil {
		return nil, err
	}
	if s, ok := m.spare(tenant); ok {
		s.turn = turn
		return s, nil
	}
	turn.Leave() // to make one takes time, and perhaps memory that others have
	return m.Sandbox(ctx, tenant)
}

// Run is [Module.Run] in this sandbox. It is called once.
func (s *Sandbox) Run(ctx context.Context, request []byte, session *host.Session) (reply []byte, err error) {
	if s.used {
		return nil, errUsed
	}
	s.used = true
	in := s.instance
	defer func() { s.failed = err != nil }()
	if s.turn == nil {
		if s.turn, err = in.engine.turn(ctx, session.Tenant()); err != nil {
			return nil, err
		}
	}
	err = in.onTurn(ctx, s.turn, func(ctx context.Context) error {
		in.attach(session)
		session.OnWait(in.aside(ctx))
		defer session.OnWait(nil)
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
