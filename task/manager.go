package task

import (
	"context"
	"iter"
	"log/slog"
	"time"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"

	"github.com/carrelhq/carrel/broker"
	"github.com/carrelhq/carrel/internal/telemetry"
	"github.com/carrelhq/carrel/storage"
)

// Options configure a Manager. Zero values are replaced by the defaults given.
type Options struct {
	// Logger gets one line per run; nil discards.
	Logger *slog.Logger
	// Telemetry gets spans and metrics; nil records nothing.
	Telemetry *telemetry.Telemetry
	// MaxAttempts is how often a run is tried (5), BackOff the wait after the
	// first lost attempt (1 s), doubled each time up to MaxBackOff (1 min).
	MaxAttempts         int
	BackOff, MaxBackOff time.Duration
	// Lease is how long a claim lasts without renewal (30 s).
	Lease time.Duration
	// MaxQueued bounds the tasks of a tenant that are not finished (10,000), and
	// MaxPending the messages waiting for a task that is submitted or working (16).
	MaxQueued, MaxPending int
	// MaxMessage bounds one message in bytes (512 KiB).
	MaxMessage int
}

// Manager accepts messages and answers for tasks. It is safe for concurrent use.
//
// Every method takes the agent the request came in on; a task of another agent
// is ErrTaskNotFound. The requests are not changed and may be kept.
type Manager struct {
	db     storage.DB
	broker broker.Broker
	agents Agents
	opts   Options
}

// NewManager returns a manager on the root DB.
func NewManager(db storage.DB, b broker.Broker, agents Agents, opts Options) (*Manager, error) {
	panic("not built")
}

// Accepted tells what became of a message.
type Accepted struct {
	TaskID, ContextID string
	// Seq is the sequence number of the first event that the message caused:
	// following from Seq-1 shows everything that came of it.
	Seq uint64
}

// Send accepts a message: a new task, or the next message of a task that is not
// finished (message.taskId). When it returns, task, message and job are durable.
// It does not wait for the work. Sections 3.1.1, 3.4.
func (m *Manager) Send(ctx context.Context, ref Ref, req *a2apb.SendMessageRequest) (Accepted, error) {
	panic("not built")
}

// Get returns the task. historyLength nil is all, 0 none, n the n most recent
// messages; negative is ErrInvalidParams. Section 3.1.3.
func (m *Manager) Get(ctx context.Context, ref Ref, id string, historyLength *int32) (*a2apb.Task, error) {
	panic("not built")
}

// List returns a page of the agent's tasks, newest status first. Section 3.1.4.
func (m *Manager) List(ctx context.Context, ref Ref, req *a2apb.ListTasksRequest) (*a2apb.ListTasksResponse, error) {
	panic("not built")
}

// Cancel ends a task that is not finished and returns it as it then is; a
// running worker sees its context end with ErrCanceled. Section 3.1.5.
func (m *Manager) Cancel(ctx context.Context, ref Ref, id string) (*a2apb.Task, error) {
	panic("not built")
}

// Await waits until the task, as seen after event seq, is finished or waits for
// its caller, and returns it; when ctx ends first, it returns the task as it is
// then, and no error.
func (m *Manager) Await(ctx context.Context, ref Ref, id string, seq uint64, historyLength *int32) (*a2apb.Task, error) {
	panic("not built")
}

// Delete removes a finished task with its events and log; a task that is not
// finished is ErrUnsupportedOperation. Deleting twice is ErrTaskNotFound.
func (m *Manager) Delete(ctx context.Context, ref Ref, id string) error { panic("not built") }

// DeleteContext removes the agent's private context, and the tasks of the
// context, which must all be finished.
func (m *Manager) DeleteContext(ctx context.Context, ref Ref, contextID string) error {
	panic("not built")
}

// LogLine is one line of a task's log, written by its guest.
type LogLine struct {
	// Seq numbers the lines of a task from 1.
	Seq uint64 `json:"seq"`
	// Run and Attempt tell which run wrote it.
	Run     int       `json:"run"`
	Attempt int       `json:"attempt"`
	Time    time.Time `json:"time"`
	Level   string    `json:"level"`
	Message string    `json:"message"`
}

// Lines yields the task's log lines after the given one. With follow it waits
// for more until the task is finished; else it ends with the last one there is.
func (m *Manager) Lines(ctx context.Context, ref Ref, id string, after uint64, follow bool) iter.Seq2[LogLine, error] {
	panic("not built")
}

// Log returns the event log.
func (m *Manager) Log() *Log { panic("not built") }
