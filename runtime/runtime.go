// Package runtime makes a pool of ready sandboxes out of a .wasm file: validate,
// compile, run. It is the only package that knows the engine.
//
// A guest is hostile from its first byte. A module that breaks a rule is refused
// with an *abi.Refusal before a task sees it; a guest that breaks one at run
// time ends its own run. The package refuses to share a sandbox between two
// tasks, and knows nothing of tasks, tenants or storage: host calls go to a
// [host.Session].
package runtime

import (
	"cmp"
	"errors"
	"log/slog"
	goruntime "runtime"
	"time"

	"github.com/carrelhq/carrel/internal/telemetry"
)

// Options configure an Engine. Zero values are replaced by the defaults given.
type Options struct {
	// MemoryBytes is the most linear memory a sandbox may have (64 MiB).
	MemoryBytes int64
	// AllMemoryBytes is the most memory that all sandboxes, with their tables, and
	// snapshots may have together (2 GiB).
	AllMemoryBytes int64
	// CacheDir keeps compiled code between starts; empty keeps it until Close.
	CacheDir string
	// CacheBytes bounds the compiled code in CacheDir (2 GiB).
	CacheBytes int64
	// CompileCommand is a program and its arguments that runs compile.Child, in the
	// same build of the same program: every module is compiled by a process of its
	// own then, and never in this one. Empty compiles in this process, where nothing
	// bounds the memory it takes.
	CompileCommand []string
	// CompileMemoryBytes bounds what such a process may take (1 GiB).
	CompileMemoryBytes int64
	// InspectTimeout bounds each of: waiting for other modules to be compiled,
	// compiling a module, and describing an upload (30 s).
	InspectTimeout time.Duration
	// Slots is how many guests are on the CPU at a time (the number of cores). Their
	// code cannot be pre-empted, so GOMAXPROCS should be twice that.
	Slots int
	// MaxModules is the number of compiled modules kept ready (64).
	MaxModules int
	Logger     *slog.Logger
	Telemetry  *telemetry.Telemetry
}

func (o Options) complete() (Options, error) {
	o.MemoryBytes = cmp.Or(o.MemoryBytes, 64<<20)
	o.AllMemoryBytes = cmp.Or(o.AllMemoryBytes, 2<<30)
	o.InspectTimeout = cmp.Or(o.InspectTimeout, 30*time.Second)
	o.Slots = cmp.Or(o.Slots, goruntime.NumCPU())
	o.MaxModules = cmp.Or(o.MaxModules, 64)
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	switch {
	case o.MemoryBytes < pageSize || o.MemoryBytes > 4<<30:
		return o, errors.New("runtime: MemoryBytes must be from 64 KiB to 4 GiB")
	case o.AllMemoryBytes < o.MemoryBytes:
		return o, errors.New("runtime: AllMemoryBytes must not be less than MemoryBytes")
	case o.InspectTimeout < 0 || o.MaxModules < 0 || o.Slots < 0 || o.CacheBytes < 0 || o.CompileMemoryBytes < 0:
		return o, errors.New("runtime: Options must not be negative")
	}
	return o, nil
}
