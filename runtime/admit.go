package runtime

import (
	"context"
	"errors"
	"fmt"

	"github.com/carrelhq/carrel/runtime/image"
)

// Sandbox returns a clean sandbox that nobody else has, initialized under ctx, once
// there is memory for it and it is the tenant's turn. It must be released. Errors
// are as those of [Sandbox.Run].
func (m *Module) Sandbox(ctx context.Context, tenant string) (*Sandbox, error) {
	e := m.engine
	if err := e.enter(); err != nil {
		return nil, err
	}
	in, err := m.admit(ctx, tenant)
	if err != nil {
		e.inUse.Done()
		return nil, err
	}
	return &Sandbox{module: m, instance: in}, nil
}

// spare is Sandbox for who does not wait: it returns false unless an idle instance
// is there, and the memory for its run.
func (m *Module) spare(tenant string) (*Sandbox, bool) {
	e := m.engine
	if e.enter() != nil {
		return nil, false
	}
	if in := m.idle(tenant); in != nil {
		return &Sandbox{module: m, instance: in}, true
	}
	e.inUse.Done()
	return nil, false
}

// idle takes an idle instance and charges what a run may need, if that is free. It
// returns nil when it is not, or there is none.
func (m *Module) idle(tenant string) *instance {
	in := m.pool.take()
	if in == nil {
		return nil
	}
	if !in.share.claim(tenant, m.need()) {
		m.keep(in)
		return nil
	}
	if in.memory.Charge() != nil {
		in.close()
		return nil
	}
	m.engine.metrics().SandboxesTaken.Add(1, "warm")
	return in
}

// admit returns a clean instance whose memory is charged, so that all that runs has
// room to run. Who waits for memory has none.
func (m *Module) admit(ctx context.Context, tenant string) (*instance, error) {
	for {
		need := m.need()
		grant, err := m.engine.memory.Take(ctx, tenant, need)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", err, errNoMemory)
		}
		h := &holding{tenant: tenant, grant: grant, floor: need}
		in, err := m.charged(ctx, h)
		if err == nil {
			return in, nil
		}
		h.end()
		if !m.another(h, err) {
			return nil, err
		}
	}
}

// charged takes an instance and charges what a run may need.
func (m *Module) charged(ctx context.Context, h *holding) (*instance, error) {
	in, err := m.take(ctx, h)
	if err != nil {
		return nil, err
	}
	if err := in.memory.Charge(); err != nil {
		in.close()
		return nil, err
	}
	return in, nil
}

// another reports whether it is worth another attempt after an error: with more
// memory, when the instance turned out to need it, or after the machine got some back.
func (m *Module) another(h *holding, err error) bool {
	switch {
	case h.refused.Load():
		m.want(h)
		return true
	case errors.Is(err, image.ErrNoMemory):
		e := m.engine
		return e.shrink(true) > 0 || e.unload(func() bool { return false }) > 0
	}
	return false
}

// need is the memory that an instance of the module is known to need, with all that
// it may take beside its linear memory, but for a deep stack. It is no more than there
// can be beside the module's own snapshot: who waits for more than that waits for ever.
func (m *Module) need() int64 {
	opts := m.engine.opts
	least, beside, room := int64(m.outline.memory.Min)*pageSize, int64(m.outline.code.InstanceBytes), opts.AllMemoryBytes
	if state, _ := m.pool.snapshot(); state != nil {
		least = max(least, int64(state.image.Size()))
		room -= int64(state.image.Stored())
	}
	least += beside
	most := min(opts.MemoryBytes+beside+stackFactor*maxStack, room)
	return max(least, min(m.wanted.Load(), most))
}

// want has instances from now on begin with what this one was refused, and with
// some more lest one that grows by little is begun very often.
func (m *Module) want(h *holding) {
	if !h.refused.Load() {
		return
	}
	more := max(h.wanted, 2*h.floor)
	for {
		known := m.wanted.Load()
		if known >= more || m.wanted.CompareAndSwap(known, more) {
			return
		}
	}
}
