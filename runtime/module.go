package runtime

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tetratelabs/wazero"

	"github.com/carrelhq/carrel/internal/telemetry"
	"github.com/carrelhq/carrel/runtime/compile"
	"github.com/carrelhq/carrel/runtime/image"
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

	// Guarded by engine.mu.
	users    int // loads that were not released
	lastUsed uint64
}

// Load returns the compiled module of that digest, calling source for its bytes
// when it is not ready. Concurrent loads of one digest share the work, which goes
// on when the caller that began it leaves. An *abi.Refusal says that the module
// is not accepted. The module must be released.
func (e *Engine) Load(ctx context.Context, digest string, source func(context.Context) ([]byte, error)) (*Module, error) {
	return e.load(ctx, digest, source, e.loads)
}

func (e *Engine) load(ctx context.Context, digest string, source source, places compile.Places) (*Module, error) {
	m, err := e.hold(ctx, digest, source, places)
	if err != nil {
		return nil, err
	}
	select {
	case <-m.ready:
	case <-ctx.Done():
		m.Release()
		return nil, context.Cause(ctx)
	}
	if m.err != nil {
		m.Release()
		return nil, m.err
	}
	return m, nil
}

// source returns a module's bytes.
type source = func(context.Context) ([]byte, error)

// hold finds or begins a module, and counts the caller as a user of it.
func (e *Engine) hold(ctx context.Context, digest string, source source, places compile.Places) (*Module, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return nil, ErrClosed
	}
	m := e.modules[digest]
	if m == nil {
		m = &Module{engine: e, digest: digest, ready: make(chan struct{}), pool: newPool()}
		e.modules[digest] = m
		e.inUse.Add(1)
		go m.load(context.WithoutCancel(ctx), source, places)
	}
	e.uses++
	m.lastUsed = e.uses
	m.users++
	e.inUse.Add(1)
	return m, nil
}

// load makes the module ready. ctx has the values of the caller that began it.
func (m *Module) load(ctx context.Context, source source, places compile.Places) {
	e := m.engine
	defer e.inUse.Done()
	defer e.remember()
	defer close(m.ready)
	// Getting the bytes, waiting for a place and compiling, each within its bound.
	ctx, cancel := context.WithTimeoutCause(ctx, 3*e.opts.InspectTimeout, errSlow)
	defer cancel()
	defer context.AfterFunc(e.ctx, cancel)()
	begin := time.Now()
	if err := m.fill(ctx, source, places); err != nil {
		m.err = fmt.Errorf("module %.12s: %w", m.digest, err)
		e.forget(m)
	}
	m.took = time.Since(begin)
}

func (m *Module) fill(ctx context.Context, source source, places compile.Places) (err error) {
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
	err = m.phase(ctx, "module.compile", func(ctx context.Context) error {
		m.compiled, err = m.engine.compile(ctx, m.outline.marked(m.digest), places)
		return err
	})
	m.rewritten = int64(len(m.outline.code.Module))
	m.outline.code.Module = nil // the engine has a copy
	return err
}

// phase runs fn in a span of its own.
func (m *Module) phase(ctx context.Context, name string, fn func(context.Context) error) (err error) {
	ctx, span := m.engine.opts.Telemetry.Start(ctx, name)
	defer func() { span.End(err) }()
	return fn(ctx)
}

// forget makes the next load of a module that failed begin anew.
func (e *Engine) forget(m *Module) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.modules[m.digest] == m {
		delete(e.modules, m.digest)
	}
}

// Release says that the caller is done with the module. It is called once for each Load.
func (m *Module) Release() {
	e := m.engine
	e.mu.Lock()
	defer e.mu.Unlock()
	m.users--
	defer e.inUse.Done()
	e.trim(e.opts.MaxModules)
}

// unload closes all modules that nobody uses, and returns how many.
func (e *Engine) unload() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.trim(0)
}

// trim closes the modules that were not used for longest while there are more than
// most, and returns how many. It is called with mu held, so that nobody loads what
// is being closed.
func (e *Engine) trim(most int) (n int) {
	for ; len(e.modules) > most; n++ {
		var oldest *Module
		for _, m := range e.modules {
			if m.users == 0 && m.isReady() && (oldest == nil || m.lastUsed < oldest.lastUsed) {
				oldest = m
			}
		}
		if oldest == nil {
			return n
		}
		delete(e.modules, oldest.digest)
		oldest.pool.close()
		if err := oldest.compiled.Close(context.Background()); err != nil {
			e.opts.Logger.Warn("compiled module was not closed", "module", oldest.digest, "error", err)
		}
	}
	return n
}

func (m *Module) isReady() bool {
	select {
	case <-m.ready:
		return m.err == nil
	default:
		return false
	}
}

// Sandbox returns a clean sandbox that nobody else has, initialized under ctx. It
// must be released. Errors are as those of [Sandbox.Run].
func (m *Module) Sandbox(ctx context.Context) (*Sandbox, error) {
	e := m.engine
	if err := e.enter(); err != nil {
		return nil, err
	}
	in, err := m.admit(ctx)
	if err != nil {
		e.inUse.Done()
		return nil, err
	}
	return &Sandbox{module: m, instance: in}, nil
}

// admit returns a clean instance whose memory is charged, so that all that runs has
// room to run. It waits for others to end when there is none.
func (m *Module) admit(ctx context.Context) (*instance, error) {
	e := m.engine
	for {
		freed, stop := e.memory.watch()
		in, err := m.charged(ctx)
		if !errors.Is(err, errNoMemory) && !errors.Is(err, image.ErrNoMemory) {
			stop()
			return in, err
		}
		if e.shrink(true) == 0 && e.unload() == 0 {
			select {
			case <-freed:
			case <-ctx.Done():
				stop()
				return nil, fmt.Errorf("%w: %w", context.Cause(ctx), err)
			}
		}
		stop()
	}
}

// charged takes an instance and charges what a run may need.
func (m *Module) charged(ctx context.Context) (*instance, error) {
	in, err := m.take(ctx)
	if err != nil {
		return nil, err
	}
	if err := in.memory.Charge(); err != nil {
		in.close()
		return nil, err
	}
	return in, nil
}

// metrics may be nil, as may its fields.
func (e *Engine) metrics() *telemetry.Metrics {
	if e.opts.Telemetry == nil || e.opts.Telemetry.Metrics == nil {
		return &telemetry.Metrics{}
	}
	return e.opts.Telemetry.Metrics
}
