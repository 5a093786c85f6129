package runtime

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/tetratelabs/wazero"

	"github.com/carrelhq/carrel/internal/telemetry"
	"github.com/carrelhq/carrel/runtime/compile"
)

// Module is a compiled module, ready to run. It is safe for concurrent use.
type Module struct {
	engine *Engine
	digest string

	ready     chan struct{} // closed when the fields below are set
	compiled  wazero.CompiledModule
	outline   *outline
	rewritten int64 // bytes of what was compiled
	pool      *pool
	took      time.Duration // to compile or load
	err       error

	wanted atomic.Int64 // the most memory that one of its instances was refused

	// Guarded by engine.mu.
	users    int // loads that were not released
	lastUsed uint64
	charges  charges
}

// Load returns the compiled module of that digest, calling source for its bytes
// when it is not ready. Concurrent loads of one digest share the work, which goes
// on when the caller that began it leaves. A module that is not ready waits for the
// tenant's turn to compile, and for its part of the memory of modules. An
// *abi.Refusal says that the module is not accepted. The module must be released,
// after its sandboxes.
func (e *Engine) Load(ctx context.Context, tenant, digest string, source func(context.Context) ([]byte, error)) (*Module, error) {
	return e.load(ctx, digest, source, tenant, e.loads)
}

func (e *Engine) load(ctx context.Context, digest string, source source, tenant string, places *compile.Places) (*Module, error) {
	for {
		m, began, err := e.hold(ctx, digest, source, tenant, places)
		if err != nil {
			return nil, err
		}
		select {
		case <-m.ready:
		case <-ctx.Done():
			m.Release()
			return nil, context.Cause(ctx)
		}
		if m.err == nil {
			return m, nil
		}
		m.Release()
		if began || !errors.Is(m.err, compile.ErrBusy) {
			return nil, m.err
		}
		// Another tenant has not had its turn: that is not this one's affair.
	}
}

// source returns a module's bytes.
type source = func(context.Context) ([]byte, error)

// hold finds or begins a module, and counts the caller as a user of it.
func (e *Engine) hold(ctx context.Context, digest string, source source, tenant string, places *compile.Places) (m *Module, began bool, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return nil, false, ErrClosed
	}
	if m = e.modules[digest]; m == nil {
		m, began = &Module{engine: e, digest: digest, ready: make(chan struct{}), pool: newPool()}, true
		e.modules[digest] = m
		e.inUse.Add(1)
		go m.load(context.WithoutCancel(ctx), source, tenant, places)
	}
	if m.users++; m.users == 1 {
		m.charges.own(tenant)
	}
	e.uses++
	m.lastUsed = e.uses
	e.inUse.Add(1)
	return m, began, nil
}

// load makes the module ready. ctx has the values of the caller that began it.
func (m *Module) load(ctx context.Context, source source, tenant string, places *compile.Places) {
	e := m.engine
	defer e.inUse.Done()
	defer e.remember()
	defer close(m.ready)
	// Getting the bytes, waiting for memory and a place, and compiling, each within its bound.
	ctx, cancel := context.WithTimeoutCause(ctx, 4*e.opts.InspectTimeout, errSlow)
	defer cancel()
	defer context.AfterFunc(e.ctx, cancel)()
	begin := time.Now()
	if err := m.fill(ctx, source, tenant, places); err != nil {
		m.err = fmt.Errorf("module %.12s: %w", m.digest, err)
		e.forget(m)
	} else {
		e.metrics().ModulesLoaded.Add(1)
	}
	m.took = time.Since(begin)
}

func (m *Module) fill(ctx context.Context, source source, tenant string, places *compile.Places) (err error) {
	defer m.engine.recovered(&err)
	data, err := source(ctx)
	if err != nil {
		return err
	}
	if err := m.phase(ctx, "module.examine", func(context.Context) error {
		m.outline, err = examine(data, m.engine.opts.MemoryBytes)
		return err
	}); err != nil {
		return err
	}
	grant, err := m.engine.moduleMemory(ctx, tenant, m.outline)
	if err != nil {
		return err
	}
	err = m.phase(ctx, "module.compile", func(ctx context.Context) error {
		m.compiled, err = m.engine.compile(ctx, m.outline.marked(m.digest), places.Line(tenant))
		return err
	})
	if err != nil {
		grant.Release()
		return err
	}
	m.charge(grant, nil)
	m.rewritten = int64(len(m.outline.code.Module))
	m.outline.code.Module = nil // the engine has a copy
	return nil
}

// phase runs fn in a span of its own.
func (m *Module) phase(ctx context.Context, name string, fn func(context.Context) error) (err error) {
	ctx, span := m.engine.opts.Telemetry.Start(ctx, name)
	defer func() { span.End(err) }()
	return fn(ctx)
}

// metrics may be nil, as may its fields.
func (e *Engine) metrics() *telemetry.Metrics {
	if e.opts.Telemetry == nil || e.opts.Telemetry.Metrics == nil {
		return &telemetry.Metrics{}
	}
	return e.opts.Telemetry.Metrics
}
