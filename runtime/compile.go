package runtime

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/experimental"

	"github.com/carrelhq/carrel/abi"
)

// errSlow is returned for a module whose compilation outlasts its bounds.
var errSlow = errors.New("compiling takes too long")

// compile has the engine compile a module that was examined, until ctx ends. It
// goes on for a while after that: the engine looks at ctx between functions only.
func (e *Engine) compile(ctx context.Context, module []byte, places chan struct{}) (wazero.CompiledModule, error) {
	select {
	case places <- struct{}{}:
		defer func() { <-places }()
	case <-ctx.Done():
		return nil, ended(ctx)
	}
	begin := time.Now()
	compiled, err := e.translate(ctx, module)
	if err != nil && cacheFault(err) {
		e.opts.Logger.Warn("cache of compiled code is cleared", "dir", e.opts.CacheDir, "cause", err, "error", clearCache(e.opts.CacheDir))
		compiled, err = e.translate(ctx, module)
	}
	switch {
	case err == nil:
		e.metrics().CompileSeconds.Observe(time.Since(begin))
		return compiled, nil
	case ctx.Err() != nil:
		return nil, ended(ctx)
	case errors.Is(err, errPanicked), cacheFault(err):
		return nil, err
	}
	return nil, &abi.Refusal{
		Rule: "invalid_module", Problem: limit(err.Error()),
		Advice: "the file is damaged, or uses a proposal that is off; build it again with your compiler's defaults for wasm32-wasip1",
	}
}

// ended says why a compilation's context is over.
func ended(ctx context.Context) error {
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) {
		return cause
	}
	return ErrClosed
}

// errPanicked is wrapped around a panic of the engine.
var errPanicked = errors.New("runtime: the engine panicked")

// translate calls the engine's compiler. More than one worker makes it look at
// ctx at all.
func (e *Engine) translate(ctx context.Context, module []byte) (compiled wazero.CompiledModule, err error) {
	defer e.recovered(&err)
	return e.runtime.CompileModule(experimental.WithCompilationWorkers(ctx, 2), module)
}

// recovered turns a panic of the engine into an error. It is to be deferred
// around every call into it.
func (e *Engine) recovered(err *error) {
	if p := recover(); p != nil {
		e.opts.Logger.Error("engine panicked", "panic", p, "stack", string(debug.Stack()))
		*err = fmt.Errorf("%w: %v", errPanicked, p)
	}
}
