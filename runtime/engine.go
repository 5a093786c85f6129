package runtime

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	"github.com/carrelhq/carrel/abi"
)

// Engine compiles modules and keeps them ready. It is safe for concurrent use.
type Engine struct {
	opts    Options
	runtime wazero.Runtime
	cache   wazero.CompilationCache

	mu      sync.Mutex
	modules map[string]*Module
	uses    uint64 // counts loads, to tell what was used last
	closed  bool
	inUse   sync.WaitGroup
}

// ErrClosed is returned by every call after Close.
var ErrClosed = errors.New("runtime: engine is closed")

// features is WebAssembly 2.0; threads, tail calls, exceptions and garbage
// collection are off.
const features = api.CoreFeaturesV2

// NewEngine returns an engine. Close releases it.
func NewEngine(opts Options) (*Engine, error) {
	opts, err := opts.complete()
	if err != nil {
		return nil, err
	}
	cache, err := openCache(opts.CacheDir)
	if err != nil {
		return nil, err
	}
	ctx := context.Background()
	config := wazero.NewRuntimeConfig().
		WithCoreFeatures(features).
		WithCompilationCache(cache).
		WithCloseOnContextDone(true).
		WithDebugInfoEnabled(false).
		WithMemoryLimitPages(uint32(opts.MemoryBytes / pageSize))
	e := &Engine{opts: opts, cache: cache, runtime: wazero.NewRuntimeWithConfig(ctx, config), modules: make(map[string]*Module)}
	if err := bind(ctx, e.runtime); err != nil {
		return nil, errors.Join(err, e.Close())
	}
	return e, nil
}

// openCache opens the cache of compiled code, which only this user may write:
// its content is run as native code.
func openCache(dir string) (wazero.CompilationCache, error) {
	if dir == "" {
		return wazero.NewCompilationCache(), nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	info, err := os.Stat(dir)
	if err != nil {
		return nil, err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("runtime: others may write or read the cache of compiled code in %s; run chmod 700 on it", dir)
	}
	return wazero.NewCompilationCacheWithDir(dir)
}

// compile scans a module and has the engine compile it, for no longer than ctx.
func (e *Engine) compile(ctx context.Context, module []byte) (wazero.CompiledModule, *outline, error) {
	if err := checkHeader(module); err != nil {
		return nil, nil, err
	}
	o, err := scan(module, e.opts.MemoryBytes)
	if err != nil {
		return nil, nil, err
	}
	if err := errors.Join(o.checkImports(), o.checkExports()); err != nil {
		return nil, nil, firstRefusal(err)
	}
	begin := time.Now()
	// With more than one worker the engine looks at ctx between functions.
	compiled, err := e.runtime.CompileModule(experimental.WithCompilationWorkers(ctx, 2), o.engine)
	if err != nil && ctx.Err() != nil {
		return nil, nil, &abi.Refusal{
			Rule: "compile_timeout", Problem: fmt.Sprintf("compiling takes longer than %s", e.opts.InspectTimeout),
			Advice: "make functions smaller, or lower your compiler's inlining",
		}
	}
	if err != nil {
		return nil, nil, &abi.Refusal{Rule: "invalid_module", Problem: limit(err.Error()), Advice: "the file is damaged, or uses a proposal that is off; build it again with your compiler's defaults for wasm32-wasip1"}
	}
	if e.opts.Telemetry != nil && e.opts.Telemetry.Metrics != nil {
		e.opts.Telemetry.Metrics.CompileSeconds.Observe(time.Since(begin))
	}
	return compiled, o, nil
}

// firstRefusal returns the first of several refusals: one that can be acted on.
func firstRefusal(err error) error {
	var refusal *abi.Refusal
	if errors.As(err, &refusal) {
		return refusal
	}
	return err
}

// Close releases all modules after their sandboxes are released. It may be called twice.
func (e *Engine) Close() error {
	e.mu.Lock()
	closed := e.closed
	e.closed = true
	e.mu.Unlock()
	if closed {
		return nil
	}
	e.inUse.Wait()
	ctx := context.Background()
	return errors.Join(e.runtime.Close(ctx), e.cache.Close(ctx))
}
