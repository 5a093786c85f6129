package runtime

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/tetratelabs/wazero/api"

	"github.com/carrelhq/carrel/abi"
	"github.com/carrelhq/carrel/runtime/image"
	"github.com/carrelhq/carrel/runtime/rewrite"
)

// snapshot is the state in which every sandbox of a module begins a run: its
// first instance after it was initialized and warmed. It is never changed.
type snapshot struct {
	image *image.Image
	saved []uint64      // mutable globals, as rewrite.Save writes them
	slept time.Duration // what clocks have gained meanwhile
}

// initialize runs what a module does before its first run. Until the session
// comes, clock and random answer constants and no host function but log works.
func (in *instance) initialize(ctx context.Context) error {
	if err := in.call(ctx, rewrite.Start); err != nil {
		return err
	}
	return in.of.outline.dialect.initialize(ctx, in)
}

// load hands an engine of another language the source that the module carries.
func (in *instance) load(ctx context.Context) error {
	source := in.of.outline.source
	if len(source) == 0 || in.function(abi.ExportLoad) == nil {
		return nil
	}
	ptr, err := in.give(ctx, source)
	if err != nil {
		return err
	}
	return in.call(ctx, abi.ExportLoad, uint64(ptr), uint64(len(source)))
}

// errNoSnapshot is returned when there is no memory for a snapshot at the moment.
var errNoSnapshot = errors.New("runtime: no memory for a snapshot")

// capture makes a snapshot of an initialized instance and has the instance share
// it. The reason says why the module has none: it then runs on fresh instances.
func (in *instance) capture(ctx context.Context) (s *snapshot, reason string, err error) {
	switch {
	case in.of.outline.code.Unsaved != "":
		return nil, in.of.outline.code.Unsaved, nil
	case in.dirty.Get() != 0:
		return nil, "it changes a table or drops a segment when it is initialized", nil
	}
	if err := in.call(ctx, rewrite.Save); err != nil {
		return nil, "", err
	}
	s = &snapshot{slept: in.slept}
	for _, g := range in.saved {
		s.saved = append(s.saved, g.Get())
	}
	content, ok := in.module.Memory().Read(0, in.module.Memory().Size())
	if !ok {
		return nil, "", fmt.Errorf("%w: its memory cannot be read", errPanicked)
	}
	if s.image, err = image.New(content, &snapshotAccount{of: in.of}); errors.Is(err, image.ErrNoMemory) {
		return nil, "", errNoSnapshot
	} else if err != nil {
		return nil, "", err
	}
	if err := in.memory.Map(s.image); err != nil {
		s.image.Release()
		return nil, "", err
	}
	return s, "", nil
}

// adopt gives a new instance the state of a snapshot.
func (in *instance) adopt(ctx context.Context, s *snapshot) error {
	memory := in.module.Memory()
	if more := s.image.Size() - int(memory.Size()); more > 0 {
		if _, ok := memory.Grow(uint32(more / pageSize)); !ok {
			return errNoMemory
		}
	}
	if err := in.memory.Map(s.image); err != nil {
		return err
	}
	for i, g := range in.saved {
		g.Set(s.saved[i])
	}
	in.slept = s.slept
	return in.call(ctx, rewrite.Restore)
}

// reset brings an instance back to its snapshot after a run that went well. It
// reports whether the instance is as good as new.
func (in *instance) reset(s *snapshot) bool {
	if in.dirty.Get() != 0 {
		return false
	}
	begin := time.Now()
	pages, err := in.memory.Reset()
	if errors.Is(err, image.ErrGrew) || errors.Is(err, image.ErrNoImage) {
		return false
	}
	if err != nil {
		in.engine.opts.Logger.Warn("sandbox was not reset", "module", in.of.digest, "error", err)
		return false
	}
	in.fuel.Set(0)
	in.detach(s.slept)
	if err := in.call(context.Background(), rewrite.Restore); err != nil {
		return false
	}
	took := time.Since(begin)
	in.of.pool.lastReset.Store(took.Nanoseconds())
	metrics := in.engine.metrics()
	metrics.ResetSeconds.Observe(took)
	metrics.ResetPages.Add(float64(pages))
	return true
}

// findGlobals looks up what the rewritten module exports for the host.
func (in *instance) findGlobals(m api.Module) {
	in.fuel = m.ExportedGlobal(rewrite.Fuel).(api.MutableGlobal)
	in.stack = m.ExportedGlobal(rewrite.Stack).(api.MutableGlobal)
	in.dirty = m.ExportedGlobal(rewrite.Dirty)
	in.saved = nil
	for i := range in.of.outline.code.Saved {
		in.saved = append(in.saved, m.ExportedGlobal(rewrite.SavedPrefix+strconv.Itoa(i)).(api.MutableGlobal))
	}
}
