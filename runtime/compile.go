package runtime

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"time"

	"github.com/tetratelabs/wazero"

	"github.com/carrelhq/carrel/abi"
	"github.com/carrelhq/carrel/runtime/compile"
)

// openCache opens the cache of compiled code, or none when nothing needs one.
func openCache(opts Options) (*compile.Cache, error) {
	if len(opts.CompileCommand) == 0 {
		opts.Logger.Info("modules are compiled in this process; a CompileCommand would bound what that takes")
		if opts.CacheDir == "" {
			return nil, nil
		}
	}
	return compile.Open(compile.Options{
		Dir:      opts.CacheDir,
		Command:  opts.CompileCommand,
		MaxBytes: opts.CacheBytes,
		Limits:   compile.Limits{Time: opts.InspectTimeout, MemoryBytes: opts.CompileMemoryBytes},
		Logger:   opts.Logger,
	})
}

// compile makes a module that was examined ready in the engine, until ctx ends:
// from the cache, or by compiling it when there is a place.
func (e *Engine) compile(ctx context.Context, module []byte, line compile.Line) (wazero.CompiledModule, error) {
	begin := time.Now()
	compiled, hit, err := e.translate(ctx, module, line)
	if err != nil {
		return nil, refuseCompile(ctx, err)
	}
	if !hit {
		e.metrics().CompileSeconds.Observe(time.Since(begin))
	}
	return compiled, nil
}

// translate calls the engine, by way of the cache where there is one.
func (e *Engine) translate(ctx context.Context, module []byte, line compile.Line) (_ wazero.CompiledModule, hit bool, err error) {
	defer e.recovered(&err)
	if e.cache != nil {
		return e.cache.Load(ctx, e.runtime, module, line)
	}
	compiled, err := compile.Here(ctx, e.runtime, module, line, e.opts.InspectTimeout)
	return compiled, false, err
}

// refuseCompile makes a refusal of what is the module's fault.
func refuseCompile(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return ended(ctx)
	case errors.Is(err, compile.ErrTime):
		return fmt.Errorf("%w: %w", errSlow, err)
	}
	for _, r := range compileRules {
		if errors.Is(err, r.err) {
			problem := strings.TrimPrefix(err.Error(), r.err.Error()+": ")
			return &abi.Refusal{Rule: r.rule, Problem: r.problem + limit(problem), Advice: adviceFor(r.rule)}
		}
	}
	return err
}

// compileRules are the rules that show when a module is compiled.
var compileRules = []struct {
	err           error
	rule, problem string
}{
	{compile.ErrInvalid, "invalid_module", ""},
	{compile.ErrMemory, "compile_memory", "compiling takes too much memory: "},
	{compile.ErrCrashed, "compile_crashed", "the compiler fails at it: "},
}

// errSlow is returned for a module whose compilation outlasts its bounds.
var errSlow = errors.New("compiling takes too long")

// ended says why a compilation's context is over.
func ended(ctx context.Context) error {
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) {
		return cause
	}
	return ErrClosed
}

// errPanicked is wrapped around a panic of the engine.
var errPanicked = errors.New("runtime: the engine panicked")

// recovered turns a panic of the engine into an error. It is to be deferred
// around every call into it.
func (e *Engine) recovered(err *error) {
	if p := recover(); p != nil {
		e.opts.Logger.Error("engine panicked", "panic", p, "stack", string(debug.Stack()))
		*err = fmt.Errorf("%w: %v", errPanicked, p)
	}
}
