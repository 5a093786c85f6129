package runtime

import (
	"context"
	"errors"

	"github.com/carrelhq/carrel/runtime/rewrite"
)

// take returns a clean instance that lives on the grant: an idle one, one made from
// the snapshot, or a fresh one. The first to ask makes the snapshot while others
// wait. After an error the grant is given back, or to be.
func (m *Module) take(ctx context.Context, h *holding) (*instance, error) {
	if in := m.warm(h); in != nil {
		return in, nil
	}
	state, reason := m.pool.snapshot()
	if state == nil && reason == "" {
		select {
		case m.pool.making <- struct{}{}:
			defer func() { <-m.pool.making }()
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
		if state, reason = m.pool.snapshot(); state == nil && reason == "" {
			return m.first(ctx, h)
		}
	}
	if state == nil {
		m.engine.metrics().SandboxesTaken.Add(1, "fresh")
		return m.engine.fresh(ctx, m, h)
	}
	m.engine.metrics().SandboxesTaken.Add(1, "new")
	return m.engine.clone(ctx, m, h, state)
}

// warm returns an idle instance, now on the grant, nil when there is none.
func (m *Module) warm(h *holding) *instance {
	in := m.pool.take()
	if in != nil {
		m.engine.metrics().SandboxesTaken.Add(1, "warm")
		in.share.begin(h)
	}
	return in
}

// first makes the module's first instance, and the snapshot of it when there is
// room for one: if not, the next instance is a first one, too.
func (m *Module) first(ctx context.Context, h *holding) (_ *instance, err error) {
	ctx, span := m.engine.opts.Telemetry.Start(ctx, "module.snapshot")
	defer func() { span.End(err) }()
	in, err := m.engine.fresh(ctx, m, h)
	if err != nil {
		return nil, err
	}
	state, reason, err := in.capture(ctx)
	switch {
	case errors.Is(err, errNoSnapshot):
		m.engine.metrics().SandboxesTaken.Add(1, "fresh")
	case err != nil:
		in.close()
		return nil, err
	case reason != "":
		m.engine.opts.Logger.Info("module runs on fresh instances", "module", m.digest, "reason", reason)
		m.pool.settle(nil, reason)
		return in, nil
	default:
		m.outline.code.Segments = nil // the snapshot has them
		m.pool.settle(state, "")
	}
	in.fuel.Set(0)
	in.spent = 0
	return in, in.call(ctx, rewrite.Restore)
}

// give takes an instance back after a run. It is used again if the run went well
// and its traces can be removed.
func (m *Module) give(in *instance, well bool) {
	m.want(in.share)
	state, _ := m.pool.snapshot()
	if well && state != nil && in.reset(state) {
		in.share.rest()
		m.keep(in)
		return
	}
	m.discard(in)
}

// keep has a clean instance wait for the next run, unless there are enough of them.
func (m *Module) keep(in *instance) {
	if !m.pool.put(in) {
		m.discard(in)
		return
	}
	// Who began to wait before has not seen it there.
	if e := m.engine; e.memory.Short() {
		e.makeRoom(func() bool { return !e.memory.Short() })
	}
}

func (m *Module) discard(in *instance) {
	m.engine.metrics().SandboxesDropped.Add(1)
	in.close()
}
