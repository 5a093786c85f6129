// Package host is what a guest may call. A [Session] is the only road from a
// guest to the world: it checks the capability, keeps the order of calls, and
// commits their effects.
//
// The package knows no engine: runtime binds Session.Call to one. What it needs
// of tasks it declares as [Tasks], whose effects take a storage transaction.
// Each capability is a file of its own. The journal of later versions hangs
// between Session and the capabilities.
package host

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"time"

	"github.com/carrelhq/carrel/abi"
	"github.com/carrelhq/carrel/internal/telemetry"
	"github.com/carrelhq/carrel/storage"
)

// Tasks is what host functions do to the task a session belongs to. Payloads are
// the ABI's JSON. An *abi.Error goes to the guest, as a value; any other error
// ends the run.
type Tasks interface {
	// Update runs fn in one durable, fenced update of the tenant's records.
	Update(ctx context.Context, fn func(storage.Tx) error) error
	// Status, Artifact and Line check a request and tell what it does to the task.
	// The effects are applied inside Update, in the order of the guest's calls. What
	// is large in a request is written to the store by Status and Artifact already.
	Status(ctx context.Context, req abi.TaskStatusRequest) (Effect, error)
	Artifact(ctx context.Context, req abi.TaskArtifactRequest) (Effect, error)
	Line(level, message string) Effect
	// Task, LoadContext and History read; SaveContext takes effect with the end of
	// the run. History returns the newest messages that fit into a reply.
	Task(ctx context.Context) (json.RawMessage, error)
	LoadContext(ctx context.Context) (data []byte, version uint64, err error)
	SaveContext(ctx context.Context, data []byte, version uint64) (newVersion uint64, err error)
	History(ctx context.Context, limit int) ([]json.RawMessage, error)
	// ReadBlob returns at most length bytes of a large part from offset on, and the
	// size of the part.
	ReadBlob(ctx context.Context, url string, offset int64, length int) (data []byte, size int64, err error)
}

// Effect is a change of the task that was checked and waits for its update.
type Effect struct {
	// Size is no less than what it adds to the store beside its key, in bytes.
	Size int
	// Apply makes the change. It may be called more than once.
	Apply func(storage.Tx) error
}

// Options configure a Session.
type Options struct {
	// Tenant is whose run it is.
	Tenant string
	// Grants are the functions the version may call beyond those always granted.
	Grants []string
	// Logger and Telemetry may be nil.
	Logger    *slog.Logger
	Telemetry *telemetry.Telemetry
	// Now is the clock that guests see, to the millisecond; nil is time.Now. FlushAfter (2 ms) and
	// FlushBytes (64 KiB) bound how long queued effects wait for their update.
	Now        func() time.Time
	FlushAfter time.Duration
	FlushBytes int
}

// ErrGuest is wrapped around errors that are the guest's fault and end its run
// as failed: a bad pointer, a broken quota. All other errors mean that carrel
// failed and the run is to be tried again.
var ErrGuest = errors.New("the agent broke the rules")
