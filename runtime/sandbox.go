package runtime

import (
	"context"
	"encoding/binary"
	"sync"

	"github.com/carrelhq/carrel/abi"
	"github.com/carrelhq/carrel/host"
)

// Bounds of what a guest answers.
const (
	maxReply       = 1 << 20
	maxDescription = 64 << 10
)

// Sandbox is one isolated instance of a module, for one run.
type Sandbox struct {
	engine   *Engine
	instance *instance
	used     bool
	release  sync.Once
}

// Run calls carrel_run with the request and returns a copy of its reply. Host
// calls go to session. It returns within moments of ctx's end with ctx's cause;
// with an ErrTrap or a host.ErrGuest when the guest is at fault; with another
// error when carrel is. It is called once.
func (s *Sandbox) Run(ctx context.Context, request []byte, session *host.Session) ([]byte, error) {
	if s.used {
		return nil, errUsed
	}
	s.used = true
	in := s.instance
	in.attach(session)
	defer in.output.flush()
	var seed [8]byte
	session.Random(seed[:])
	if err := in.call(ctx, abi.ExportReseed, nil, binary.LittleEndian.Uint64(seed[:])); err != nil {
		return nil, err
	}
	ptr, err := in.give(ctx, request)
	if err != nil {
		return nil, err
	}
	var packed uint64
	if err := in.call(ctx, abi.ExportRun, &packed, uint64(ptr), uint64(len(request))); err != nil {
		return nil, err
	}
	return in.take(packed, maxReply)
}

// Release gives the sandbox back, used or not. It may be called twice.
func (s *Sandbox) Release() {
	s.release.Do(func() {
		defer s.engine.inUse.Done()
		if err := s.instance.module.Close(context.Background()); err != nil {
			s.engine.opts.Logger.Warn("sandbox was not closed", "error", err)
		}
	})
}
