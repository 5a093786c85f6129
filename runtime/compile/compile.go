// Package compile turns modules into native code outside of the server's own
// process, and keeps that code in a cache which only the host can write.
//
// Two things about compiled code are dangerous: making it, because the engine's
// compiler can be made to take minutes and gigabytes, and opening it, because it
// is run without further questions. So a module is compiled by a child process
// under limits (see [Child]), and every entry of the cache carries a MAC that is
// checked before the engine opens it; the server itself only loads.
//
// The package refuses to judge modules: what it is given has been examined. It
// knows nothing of digests, uploads or tenants.
package compile

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
)

// Why a module was not compiled. Each is wrapped with a reason. All but ErrBusy
// and ErrUnavailable are about the module, and come back when it is tried again.
var (
	// ErrInvalid: the engine does not accept the module.
	ErrInvalid = errors.New("compile: invalid module")
	// ErrMemory: compiling needs more memory, stack or code than it may.
	ErrMemory = errors.New("compile: out of memory")
	// ErrTime: compiling takes longer than it may.
	ErrTime = errors.New("compile: too slow")
	// ErrCrashed: the compiler failed by itself.
	ErrCrashed = errors.New("compile: the compiler crashed")
	// ErrBusy: other modules took all places for as long as compiling may take, or
	// too many waited.
	ErrBusy = errors.New("compile: other modules are being compiled or run")
	// ErrUnavailable: it could not be tried, by no fault of the module.
	ErrUnavailable = errors.New("compile: not possible")
)

// Options configure a Cache. Zero values are replaced by the defaults given.
type Options struct {
	// Dir is the folder of the cache, made with mode 0700 when absent. Processes
	// may share it. Empty is a temporary one, removed by Close.
	Dir string
	// Command is the program and its arguments that run [Child]. Empty compiles in
	// process, where nothing bounds the memory taken.
	Command []string
	// Version of whatever shaped the modules and is not visible in their bytes.
	Version string
	// MaxBytes bounds the entries together (2 GiB); those not used for longest go first.
	MaxBytes int64
	Limits   Limits
	Logger   *slog.Logger
}

// Limits of one compilation. Zero values are replaced by the defaults given.
type Limits struct {
	// Time is the most wall time (30 s), and as much again to wait for a place. A
	// child may use twice as much of CPU time, as it has two threads.
	Time time.Duration
	// MemoryBytes is the address space of a child beyond what any Go program has
	// from its start (1 GiB).
	MemoryBytes int64
	// CodeBytes is the most a child may write (512 MiB).
	CodeBytes int64
}

func (o Options) complete() (Options, error) {
	o.MaxBytes = cmp.Or(o.MaxBytes, 2<<30)
	o.Limits.Time = cmp.Or(o.Limits.Time, 30*time.Second)
	o.Limits.MemoryBytes = cmp.Or(o.Limits.MemoryBytes, 1<<30)
	o.Limits.CodeBytes = cmp.Or(o.Limits.CodeBytes, 512<<20)
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.MaxBytes < 0 || o.Limits.Time < 0 || o.Limits.MemoryBytes < 0 || o.Limits.CodeBytes < 0 {
		return o, errors.New("compile: Options must not be negative")
	}
	return o, nil
}

// learnVersion has the engine find out its own version, which it notes without a
// lock when it is first asked: two engines made at the same time would race.
var learnVersion = sync.OnceFunc(func() {
	ctx := context.Background()
	_ = wazero.NewRuntime(ctx).Close(ctx)
})

// openEngineCache opens the engine's own cache in a folder.
func openEngineCache(dir string) (wazero.CompilationCache, error) {
	learnVersion()
	return wazero.NewCompilationCacheWithDir(dir)
}

// Config is how the engine is configured on both sides: code that was compiled
// for another configuration is not found. Threads, tail calls, exceptions and
// garbage collection are off.
func Config() wazero.RuntimeConfig {
	learnVersion()
	return wazero.NewRuntimeConfig().
		WithCoreFeatures(api.CoreFeaturesV2).
		WithDebugInfoEnabled(false)
}
