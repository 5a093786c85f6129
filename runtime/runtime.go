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
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/carrelhq/carrel/abi"
	"github.com/carrelhq/carrel/host"
	"github.com/carrelhq/carrel/internal/telemetry"
)

// Options configure an Engine. Zero values are replaced by the defaults given.
type Options struct {
	// MemoryBytes is the most linear memory a sandbox may have (64 MiB).
	MemoryBytes int64
	// CacheDir keeps compiled code between starts; empty keeps it in memory only.
	CacheDir string
	// InspectTimeout bounds compiling and describing an upload (30 s).
	InspectTimeout time.Duration
	// MaxModules is the number of compiled modules kept ready (64).
	MaxModules int
	Logger     *slog.Logger
	Telemetry  *telemetry.Telemetry
}

// Engine compiles modules and keeps them ready. It is safe for concurrent use.
type Engine struct{}

// NewEngine returns an engine. Close releases it.
func NewEngine(opts Options) (*Engine, error) { panic("not built") }

// Inspect tells what a module is and wants, running nothing of it but its
// initialization and carrel_describe, bounded and without any host call but log.
// An *abi.Refusal says why a module is not accepted.
func (e *Engine) Inspect(ctx context.Context, module []byte) (abi.Inspection, error) {
	panic("not built")
}

// Load returns the compiled module of that digest, calling source for its bytes
// when it is not ready. Concurrent loads of one digest share the work.
func (e *Engine) Load(ctx context.Context, digest string, source func(context.Context) ([]byte, error)) (*Module, error) {
	panic("not built")
}

// Close releases all modules after their sandboxes are released. It may be called twice.
func (e *Engine) Close() error { panic("not built") }

// Module is a compiled module, ready to run. It is safe for concurrent use.
type Module struct{}

// Release says that the caller is done with the module.
func (m *Module) Release() { panic("not built") }

// Sandbox returns a clean sandbox that nobody else has. It must be released.
func (m *Module) Sandbox(ctx context.Context) (*Sandbox, error) { panic("not built") }

// Sandbox is one isolated instance of a module, for one run.
type Sandbox struct{}

// ErrTrap is wrapped around the reason a guest ended by its own fault: an
// unreachable instruction, memory out of bounds, a missing or malformed reply.
// The text is for the agent's author.
var ErrTrap = errors.New("the agent trapped")

// Run calls carrel_run with the request and returns a copy of its reply. Host
// calls go to session. It returns within moments of ctx's end with ctx's cause;
// with an ErrTrap or a host.ErrGuest when the guest is at fault; with another
// error when carrel is. It is called once.
func (s *Sandbox) Run(ctx context.Context, request []byte, session *host.Session) ([]byte, error) {
	panic("not built")
}

// Release gives the sandbox back, used or not. It may be called twice.
func (s *Sandbox) Release() { panic("not built") }
