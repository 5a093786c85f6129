package task

import (
	"context"
	"errors"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"

	"github.com/carrelhq/carrel/agent"
	"github.com/carrelhq/carrel/storage"
)

// Run is one attempt at a task's current run, in the hands of a Worker. Its
// methods may be called from any goroutine until Work returns. All its writes
// are fenced: after the lease is lost they fail with ErrFenced.
type Run struct {
	// Ref names the agent, Version is the version the task is pinned to.
	Ref     Ref
	Version agent.Version
	// TaskID and ContextID are UUIDs.
	TaskID, ContextID string
	// Number counts the task's runs from 1, Attempt the attempts at this run.
	Number, Attempt int
	// Message started this run; Pending are later ones that were there before it began.
	Message *a2apb.Message
	Pending []*a2apb.Message
	// AcceptedOutputModes are the media types the client can take; empty is any.
	AcceptedOutputModes []string
}

// Status reports progress: a working status with a message, durable on return.
func (r *Run) Status(ctx context.Context, msg *a2apb.Message) error { panic("not built") }

// Artifact emits an artifact, or a chunk of one, durable on return. The first
// chunk an attempt emits of an artifact replaces what an earlier attempt emitted.
func (r *Run) Artifact(ctx context.Context, chunk *a2apb.TaskArtifactUpdateEvent) error {
	panic("not built")
}

// Task returns the task as it is, without its history.
func (r *Run) Task(ctx context.Context) (*a2apb.Task, error) { panic("not built") }

// History returns the newest messages of all tasks of the context, at most
// limit, oldest first, those of this task included.
func (r *Run) History(ctx context.Context, limit int) ([]*a2apb.Message, error) { panic("not built") }

// LoadContext returns the agent's bytes for this context and their version, 0 when there are none.
func (r *Run) LoadContext(ctx context.Context) (data []byte, version uint64, err error) {
	panic("not built")
}

// ErrConflict is returned when a context was saved by another run since it was read.
var ErrConflict = errors.New("task: context was saved by another run")

// SaveContext replaces the agent's bytes for this context if version is the one
// stored, else ErrConflict. The save commits together with the end of the run
// and is visible to this run's LoadContext at once; a run that is lost saves nothing.
func (r *Run) SaveContext(ctx context.Context, data []byte, version uint64) (newVersion uint64, err error) {
	panic("not built")
}

// Update runs fn on the tenant's scope in one durable, fenced update and then
// wakes the task's followers. The Append methods are for use inside fn: so task
// events commit together with whatever else fn writes.
func (r *Run) Update(ctx context.Context, fn func(storage.Tx) error) error { panic("not built") }

// AppendStatus is Status inside [Run.Update].
func (r *Run) AppendStatus(tx storage.Tx, msg *a2apb.Message) error { panic("not built") }

// AppendArtifact is Artifact inside [Run.Update].
func (r *Run) AppendArtifact(tx storage.Tx, chunk *a2apb.TaskArtifactUpdateEvent) error {
	panic("not built")
}

// AppendLine adds a line to the task's log inside [Run.Update]. Lines beyond the
// task's quota are counted, not kept.
func (r *Run) AppendLine(tx storage.Tx, level, message string) error { panic("not built") }
