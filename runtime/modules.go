package runtime

import (
	"context"
	"errors"
	"fmt"

	"github.com/carrelhq/carrel/abi"
	"github.com/carrelhq/carrel/runtime/compile"
	"github.com/carrelhq/carrel/runtime/share"
)

// moduleMemory waits for the memory that a module takes when it is compiled, with
// what is kept beside its code. Modules in no use are unloaded for it.
func (e *Engine) moduleMemory(ctx context.Context, tenant string, o *outline) (*share.Grant, error) {
	bytes := moduleBase + moduleFactor*int64(len(o.code.Module)) + int64(o.kept)
	busy := fmt.Errorf("%w: there is no memory for one more", compile.ErrBusy)
	waiting, stop := context.WithTimeoutCause(ctx, e.opts.InspectTimeout, busy)
	defer stop()
	grant, err := e.loaded.Take(waiting, tenant, bytes)
	switch {
	case err == nil:
		return grant, nil
	case ctx.Err() != nil:
		return nil, ended(ctx)
	case errors.Is(err, share.ErrNever):
		problem := fmt.Sprintf("it takes about %d MiB once it is compiled, and all modules may have %d", bytes>>20, e.opts.ModuleBytes>>20)
		return nil, &abi.Refusal{Rule: "module_memory", Problem: problem, Advice: adviceFor("module_memory")}
	}
	return nil, err
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
	defer e.inUse.Done()
	e.mu.Lock()
	if m.users--; m.users == 0 {
		m.charges.disown()
	}
	e.trim(func() bool { return len(e.modules) <= e.opts.MaxModules })
	e.mu.Unlock()
	// Who began to wait before has found it in use.
	if e.loaded.Short() {
		e.unload(func() bool { return !e.loaded.Short() })
	}
	if e.memory.Short() {
		e.unload(func() bool { return !e.memory.Short() })
	}
}

// unload closes modules that nobody uses until there is enough of what is wanted,
// and returns how many.
func (e *Engine) unload(enough func() bool) int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.trim(enough)
}

// trim closes the modules that were not used for longest until there is enough, and
// returns how many. It is called with mu held, so that nobody loads what is being
// closed.
func (e *Engine) trim(enough func() bool) (n int) {
	for !enough() {
		m := e.oldest()
		if m == nil {
			break
		}
		delete(e.modules, m.digest)
		m.pool.close()
		if err := m.compiled.Close(context.Background()); err != nil {
			e.opts.Logger.Warn("compiled module was not closed", "module", m.digest, "error", err)
		}
		m.charges.code.Release()
		n++
	}
	e.metrics().ModulesUnloaded.Add(float64(n))
	return n
}

// oldest is the module that was not used for longest by anybody, nil when there is
// none that is not in use.
func (e *Engine) oldest() (oldest *Module) {
	for _, m := range e.modules {
		if m.users == 0 && m.isReady() && (oldest == nil || m.lastUsed < oldest.lastUsed) {
			oldest = m
		}
	}
	return oldest
}

func (m *Module) isReady() bool {
	select {
	case <-m.ready:
		return m.err == nil
	default:
		return false
	}
}

// What a loaded module takes is estimated by the size of what was compiled: Go
// modules take 10.0 to 10.7 times that, about half of it code and the rest what the
// engine knows of it.
const (
	moduleBase   = 128 << 10
	moduleFactor = 11
)
