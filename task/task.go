// Package task is the life of a task: A2A without transport.
//
// A task is a small head record beside an append-only event log with sequence
// numbers. The log is the truth: reading a task folds it, followers and resumed
// streams read it from a cursor. [Manager] accepts messages and answers for
// tasks, [Log] reads and follows events, [Worker] is what does the work, and
// task/worker is the loop that hands tasks to it.
//
// The package owns the global due index of jobs and leases; all other records
// lie in their tenant's scope. It knows no transport and no engine, and it
// refuses every state change that the state machine (states.md) does not have.
package task

import (
	"context"
	"errors"
	"time"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"

	"github.com/carrelhq/carrel/agent"
	"github.com/carrelhq/carrel/storage"
)

// Errors that callers act on, one for each word A2A has (spec section 3.3.2).
var (
	// ErrTaskNotFound: no such task, or not this caller's: the same answer.
	ErrTaskNotFound = errors.New("task not found")
	// ErrTaskNotCancelable: the task is in a terminal state.
	ErrTaskNotCancelable = errors.New("task cannot be canceled")
	// ErrUnsupportedOperation: the operation does not apply to the task as it is.
	ErrUnsupportedOperation = errors.New("unsupported operation")
	// ErrContentTypeNotSupported: a part's media type is not one the agent takes.
	ErrContentTypeNotSupported = errors.New("content type not supported")
	// ErrPushNotSupported: push notifications are not supported.
	ErrPushNotSupported = errors.New("push notifications not supported")
	// ErrInvalidParams: the request is malformed; a [FieldError] says where.
	ErrInvalidParams = errors.New("invalid parameters")
	// ErrAgentNotFound: no such agent, or not one this caller may see.
	ErrAgentNotFound = errors.New("agent not found")
	// ErrBusy: a bound on queued tasks or messages is reached; try later.
	ErrBusy = errors.New("too many tasks are waiting")
	// ErrLogFull: the task's events are as many bytes as they may be; the run should
	// end as failed.
	ErrLogFull = errors.New("the task has written too much")
	// ErrFenced: the lease was lost; what the run writes is refused.
	ErrFenced = errors.New("task: lease lost")
)

// Ref names an agent: the address a request came in on, after authentication.
type Ref struct {
	Tenant, Agent string
}

// Agents is what the package needs of the register of agents.
type Agents interface {
	// Get returns the agent with its current version.
	Get(ctx context.Context, tenant, name string) (agent.Agent, error)
	// Version returns a version by digest, current or not.
	Version(ctx context.Context, tenant, name, digest string) (agent.Version, error)
	// Present returns agent.ErrNotFound unless the agent is there in root.
	Present(root storage.Tx, tenant, name string) error
	// Deleted lists agents whose tasks are to be cleared away, and Cleared tells
	// that those of one are.
	Deleted(ctx context.Context, limit int) ([]agent.Name, error)
	Cleared(ctx context.Context, tenant, name string) error
}

// Worker does the work of tasks. It is safe for concurrent use.
type Worker interface {
	// Work runs a task until it ends or waits. A returned Result is final for
	// this run, a failed one too. An error means that the attempt was lost and
	// the run is to be tried again, with back-off, up to the limit of attempts.
	// Callers see what it says only if it is one of [ForCaller].
	// ctx ends when the task is canceled, runs too long, loses its lease, or the
	// server shuts down; its cause ([context.Cause]) says which: ErrCanceled,
	// ErrTimeout, ErrFenced or ErrShutdown.
	Work(ctx context.Context, run *Run) (Result, error)
}

// Causes with which a run's context ends.
var (
	ErrCanceled = errors.New("task canceled")
	ErrTimeout  = errors.New("task ran too long")
	ErrShutdown = errors.New("server is shutting down")
)

// Result ends a run.
type Result struct {
	// State is TASK_STATE_COMPLETED, FAILED, REJECTED, INPUT_REQUIRED or
	// AUTH_REQUIRED; unspecified is COMPLETED.
	State a2apb.TaskState
	// Message is the status message, if any; AUTH_REQUIRED has one in any case. Ids and
	// role are filled in. As all that a completed run has said, it is the direct reply
	// of an agent that gives such.
	Message *a2apb.Message
	// Artifacts are artifacts that are complete with this result. Empty ids are filled in.
	Artifacts []*a2apb.Artifact
	// Also, if set, writes what goes before all that: in the update that ends the run,
	// and as in [Run.Update]. It may run more than once, and writes AlsoBytes at most.
	Also func(storage.Tx) error
}

// AlsoBytes is how much a result may have written along with it.
const AlsoBytes = 32 << 10

// Event is one event of a task's log as followers see it.
type Event struct {
	// Seq numbers the events of a task from 1 without gaps.
	Seq uint64
	// Time is when the event was appended.
	Time time.Time
	// Body is the event on the wire: a task (event 1), a status or an artifact
	// update, or the message that ends a hidden task. It is nil for events that clients do not see, as a follow-up message.
	// It is shared: do not change it.
	Body *a2apb.StreamResponse
	// State is the state the event puts the task in; unspecified when it changes none.
	State a2apb.TaskState
	// Shows says that the task was hidden before this event and is not from it on.
	Shows bool
	// More says that Follow has another event with a Body at hand: it yields that
	// without waiting.
	More bool
	// run and attempt made the event; a follow-up message is in message.
	run, attempt int
	message      *a2apb.Message
	size         int        // of the record, in bytes
	wire         *wireCache // see Encoded
}

// Terminal reports whether the state is final: completed, failed, canceled or rejected.
func Terminal(s a2apb.TaskState) bool {
	switch s {
	case a2apb.TaskState_TASK_STATE_COMPLETED, a2apb.TaskState_TASK_STATE_FAILED,
		a2apb.TaskState_TASK_STATE_CANCELED, a2apb.TaskState_TASK_STATE_REJECTED:
		return true
	}
	return false
}

// Interrupted reports whether the task waits for its caller: input or auth required.
func Interrupted(s a2apb.TaskState) bool {
	return s == a2apb.TaskState_TASK_STATE_INPUT_REQUIRED || s == a2apb.TaskState_TASK_STATE_AUTH_REQUIRED
}
