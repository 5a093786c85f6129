// Package runtime makes a pool of ready sandboxes out of a .wasm file: validate,
// compile, run. It is the only package that knows the engine.
//
// A guest is hostile from its first byte. A module that breaks a rule is refused
// with an *abi.Refusal before a task sees it; a guest that breaks one at run
// time ends its own run. The package refuses to share a sandbox between two
// tasks, and knows nothing of tasks or storage: host calls go to a
// [host.Session]. Of tenants it knows the names, by which it divides CPU, memory
// and places to compile.
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
	// AllMemoryBytes is the most memory that all sandboxes, with their tables and deep
	// call stacks, and snapshots may have together: at least twice MemoryBytes (half
	// of what the machine has, or of what the process may have of it, and at least
	// 256 MiB).
	AllMemoryBytes int64
	// TenantMemoryBytes is the most of it that the sandboxes of one tenant may have
	// (three quarters).
	TenantMemoryBytes int64
	// ModuleBytes is roughly the most memory that modules may take which are kept
	// ready, beside that of their sandboxes (a quarter of AllMemoryBytes, and at
	// least 256 MiB). Those that were not used for longest go first.
	ModuleBytes int64
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
	// MaxModules is the number of compiled modules kept ready (512): the snapshot of
	// each takes a file descriptor.
	MaxModules int
	Logger     *slog.Logger
	Telemetry  *telemetry.Telemetry
}

// leastMemory is what sandboxes, and modules, get on a machine however small.
const leastMemory = 256 << 20

func (o Options) complete() (Options, error) {
	o.MemoryBytes = cmp.Or(o.MemoryBytes, 64<<20)
	o.AllMemoryBytes = cmp.Or(o.AllMemoryBytes, max(machineMemory()/2, leastMemory, 2*o.MemoryBytes))
	o.TenantMemoryBytes = cmp.Or(o.TenantMemoryBytes, max(o.AllMemoryBytes/4*3, o.MemoryBytes))
	o.ModuleBytes = cmp.Or(o.ModuleBytes, max(o.AllMemoryBytes/4, leastMemory))
	o.InspectTimeout = cmp.Or(o.InspectTimeout, 30*time.Second)
	o.Slots = cmp.Or(o.Slots, goruntime.NumCPU())
	o.MaxModules = cmp.Or(o.MaxModules, 512)
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	switch {
	case o.MemoryBytes < pageSize || o.MemoryBytes > 4<<30 || o.MemoryBytes%pageSize != 0:
		return o, errors.New("runtime: MemoryBytes must be from 64 KiB to 4 GiB, a multiple of 64 KiB")
	case o.AllMemoryBytes < 2*o.MemoryBytes:
		return o, errors.New("runtime: AllMemoryBytes must be at least twice MemoryBytes: a sandbox needs room beside the snapshots")
	case o.TenantMemoryBytes < o.MemoryBytes || o.TenantMemoryBytes > o.AllMemoryBytes:
		return o, errors.New("runtime: TenantMemoryBytes must be from MemoryBytes to AllMemoryBytes")
	case o.InspectTimeout < 0 || o.MaxModules < 0 || o.Slots < 0 || o.CacheBytes < 0 || o.CompileMemoryBytes < 0 || o.ModuleBytes < 0:
		return o, errors.New("runtime: Options must not be negative")
	}
	return o, nil
}
