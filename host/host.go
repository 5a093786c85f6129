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
	// Now is the clock that guests see; nil is time.Now. FlushAfter (2 ms) and
	// FlushBytes (64 KiB) bound how long queued effects wait for their update.
	Now        func() time.Time
	FlushAfter time.Duration
	FlushBytes int
}

// ErrGuest is wrapped around errors that are the guest's fault and end its run
// as failed: a bad pointer, a broken quota. All other errors mean that carrel
// failed and the run is to be tried again.
var ErrGuest = errors.New("the agent broke the rules")

// Session serves the host calls of one run. It is safe for concurrent use, though a
// guest calls one at a time.
type Session struct{}

// NewSession returns a session whose effects go to tasks. End must be called.
func NewSession(ctx context.Context, tasks Tasks, opts Options) *Session { panic("not built") }

// Call makes one host call. request is only read during the call. The reply is
// {"ok":…} or {"error":…}; an error instead of a reply ends the run. Effects are
// queued in order when Call returns, and durable after the next Flush.
func (s *Session) Call(ctx context.Context, fn string, request []byte) (reply []byte, err error) {
	panic("not built")
}

// Line adds what the guest wrote to its standard output or error to the task's log.
func (s *Session) Line(level, text string) { panic("not built") }

// Now is the guest's clock: it stands still between host calls and never runs backwards.
func (s *Session) Now() time.Time { panic("not built") }

// Sleep advances the guest's clock without waiting.
func (s *Session) Sleep(d time.Duration) { panic("not built") }

// Random fills b from the session's own stream of random bytes.
func (s *Session) Random(b []byte) { panic("not built") }

// Flush makes every queued effect durable.
func (s *Session) Flush(ctx context.Context) error { panic("not built") }

// End flushes, unless the context of the session has ended, and stops. Later
// calls answer canceled. It may be called twice.
func (s *Session) End() error { panic("not built") }
