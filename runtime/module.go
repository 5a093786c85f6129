package runtime

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tetratelabs/wazero"
)

// Module is a compiled module, ready to run. It is safe for concurrent use.
type Module struct {
	engine *Engine
	digest string

	ready    chan struct{} // closed when compiled or err is set
	compiled wazero.CompiledModule
	err      error

	// Guarded by engine.mu.
	users    int // loads that were not released
	lastUsed uint64
}

// Load returns the compiled module of that digest, calling source for its bytes
// when it is not ready. Concurrent loads of one digest share the work. The module
// must be released.
func (e *Engine) Load(ctx context.Context, digest string, source func(context.Context) ([]byte, error)) (*Module, error) {
	m, mine, err := e.hold(digest)
	if err != nil {
		return nil, err
	}
	if mine {
		// Others may wait for it: it must not end because the first caller does.
		go m.load(context.WithoutCancel(ctx), source)
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

// hold finds or begins a module, and counts the caller as a user of it.
func (e *Engine) hold(digest string) (m *Module, mine bool, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return nil, false, ErrClosed
	}
	m = e.modules[digest]
	if m == nil {
		m = &Module{engine: e, digest: digest, ready: make(chan struct{})}
		e.modules[digest] = m
		mine = true
	}
	e.uses++
	m.lastUsed = e.uses
	m.users++
	e.inUse.Add(1)
	return m, mine, nil
}

func (m *Module) load(ctx context.Context, source func(context.Context) ([]byte, error)) {
	defer close(m.ready)
	ctx, cancel := context.WithTimeout(ctx, m.engine.opts.InspectTimeout)
	defer cancel()
	data, err := source(ctx)
	if err == nil {
		m.compiled, _, err = m.engine.compile(ctx, data)
	}
	if err != nil {
		m.err = fmt.Errorf("module %.12s: %w", m.digest, err)
		m.engine.forget(m)
	}
}

// forget makes the next load of a module that failed begin anew.
func (e *Engine) forget(m *Module) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.modules[m.digest] == m {
		delete(e.modules, m.digest)
	}
}

// Release says that the caller is done with the module.
func (m *Module) Release() {
	e := m.engine
	e.mu.Lock()
	m.users--
	e.inUse.Done()
	idle := e.trim()
	e.mu.Unlock()
	for _, m := range idle {
		if err := m.compiled.Close(context.Background()); err != nil {
			e.opts.Logger.Warn("compiled module was not closed", "module", m.digest, "error", err)
		}
	}
}

// trim takes the modules out that were not used for longest while there are too
// many. It is called with mu held.
func (e *Engine) trim() (idle []*Module) {
	for len(e.modules) > e.opts.MaxModules {
		var oldest *Module
		for _, m := range e.modules {
			if m.users == 0 && m.compiled != nil && (oldest == nil || m.lastUsed < oldest.lastUsed) {
				oldest = m
			}
		}
		if oldest == nil {
			return idle
		}
		delete(e.modules, oldest.digest)
		idle = append(idle, oldest)
	}
	return idle
}

// Sandbox returns a clean sandbox that nobody else has. It must be released.
func (m *Module) Sandbox(ctx context.Context) (*Sandbox, error) {
	e := m.engine
	e.mu.Lock()
	if e.closed {
		e.mu.Unlock()
		return nil, ErrClosed
	}
	e.inUse.Add(1)
	e.mu.Unlock()
	begin := time.Now()
	in, err := e.instantiate(ctx, m.compiled)
	if err != nil {
		e.inUse.Done()
		return nil, err
	}
	e.opts.Logger.Debug("sandbox is ready", "module", m.digest, "took", time.Since(begin))
	return &Sandbox{engine: e, instance: in}, nil
}

// errUsed is returned by a second Run.
var errUsed = errors.New("runtime: a sandbox runs once")
