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
// the ABI's JSON. Append methods are called inside one Update, in the order of
// the guest's calls; an *abi.Error they return goes to the guest.
type Tasks interface {
	// Update runs fn in one durable, fenced update of the tenant's records.
	Update(ctx context.Context, fn func(storage.Tx) error) error
	// AppendStatus, AppendArtifact and AppendLine apply one queued effect each.
	AppendStatus(tx storage.Tx, req abi.TaskStatusRequest) error
	AppendArtifact(tx storage.Tx, req abi.TaskArtifactRequest) error
	AppendLine(tx storage.Tx, level, message string) error
	// CheckStatus and CheckArtifact tell, before an effect is queued, what is
	// wrong with a request; nil when nothing is.
	CheckStatus(req abi.TaskStatusRequest) *abi.Error
	CheckArtifact(req abi.TaskArtifactRequest) *abi.Error
	// Task, LoadContext and History read; SaveContext takes effect with the end of the run.
	Task(ctx context.Context) (json.RawMessage, error)
	LoadContext(ctx context.Context) (data []byte, version uint64, err error)
	SaveContext(ctx context.Context, data []byte, version uint64) (newVersion uint64, err error)
	History(ctx context.Context, limit int) ([]json.RawMessage, error)
}

// Options configure a Session.
type Options struct {
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
