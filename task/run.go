package task

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"
	"google.golang.org/protobuf/proto"

	"github.com/carrelhq/carrel/agent"
	"github.com/carrelhq/carrel/storage"
)

// Run is one attempt at a task's current run, in the hands of a Worker. It may
// begin a moment before its task is durable: a worker that acts on the world
// before it has written anything calls Task first, which waits. Its
// methods may be called from any goroutine until Work returns. All its writes
// are fenced: after the lease is lost they fail with ErrFenced.
type Run struct {
	// Ref names the agent, Version is the version the task is pinned to.
	Ref     Ref
	Version agent.Version
	// TaskID and ContextID are UUIDs, unless the client chose the context's id.
	TaskID, ContextID string
	// Number counts the task's runs from 1, Attempt the attempts at this run.
	Number, Attempt int
	// Message started this run; Pending are later ones that were there before it began.
	Message *a2apb.Message
	Pending []*a2apb.Message
	// AcceptedOutputModes are the media types the client can take; empty is any.
	AcceptedOutputModes []string

	m      *Manager
	key    runKey
	fence  uint64
	digest string
	trace  string
	showAt time.Time       // when late is due; zero for a task that is not hidden
	ctx    context.Context // ends with a cause when the run must
	cancel context.CancelCauseFunc

	created <-chan struct{} // closed when the task is durable and announced; nil when it was long ago

	took int         // messages of the task's inbox that the run was given
	soon *time.Timer // marks the task as working
	late *time.Timer // shows a task that is hidden

	loose  loose      // blobs that were staged
	write  sync.Mutex // held during an update of this run
	marked bool       // the attempt's first event is committed
	cur    *edit      // the update that runs, for the Append methods

	mu    sync.Mutex
	due   time.Time       // of the lease
	begun map[string]bool // artifacts this attempt has emitted a committed chunk of, or found restored
	saved *savedContext   // what SaveContext was given last
}

// Context is the context to work under: it continues the trace of the request
// and ends with ErrCanceled or ErrFenced when the run must end.
func (r *Run) Context() context.Context { return r.ctx }

// Interrupt ends the run's context with the cause.
func (r *Run) Interrupt(cause error) { r.cancel(cause) }

// change runs fn on the task if the run still has its lease.
func (r *Run) change(ctx context.Context, update func(context.Context, string, string, func(*edit) error) error, fn func(*edit) error) error {
	r.write.Lock()
	defer r.write.Unlock()
	var begun []string
	err := update(ctx, r.key.tenant, r.key.id, func(e *edit) error {
		if e.h.fence != r.fence {
			return r.fenced(e)
		}
		e.begun, e.after, e.loose = nil, r.created, &r.loose
		if err := r.mark(e); err != nil {
			return err
		}
		if err := fn(e); err != nil {
			return err
		}
		begun = e.begun
		return nil
	})
	if errors.Is(err, ErrTaskNotFound) {
		return fmt.Errorf("%w: the task was deleted", ErrFenced)
	}
	if err == nil {
		r.marked = true
		r.noteBegun(begun)
	}
	return err
}

// settle waits until views show the task and everything before it in the order
// of updates, as what an earlier run in its context has saved.
func (r *Run) settle(ctx context.Context) error {
	if r.created == nil {
		return nil
	}
	select {
	case <-r.created:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// view runs fn on the tenant's scope.
func (r *Run) view(ctx context.Context, fn func(storage.Tx) error) error {
	if err := r.settle(ctx); err != nil {
		return err
	}
	return r.m.view(ctx, r.key.tenant, fn)
}

// fenced says why the lease is gone.
func (r *Run) fenced(e *edit) error {
	if e.h.state == canceled {
		return fmt.Errorf("%w: %w", ErrFenced, ErrCanceled)
	}
	return ErrFenced
}

func (r *Run) noteBegun(ids []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, id := range ids {
		if r.begun == nil {
			r.begun = make(map[string]bool)
		}
		r.begun[id] = true
	}
}

// Update runs fn on the tenant's scope in one durable, fenced update and then
// wakes the task's followers. The Append methods are for use inside fn: so task
// events commit together with whatever else fn writes. fn may run more than once.
func (r *Run) Update(ctx context.Context, fn func(storage.Tx) error) error {
	return r.change(ctx, r.m.change, func(e *edit) error { return r.also(e, fn) })
}

// errOutside is returned by an Append method that is called outside Update.
var errOutside = errors.New("task: Append outside Update")

// Status reports progress: a working status with a message, durable on return.
func (r *Run) Status(ctx context.Context, msg *a2apb.Message) error {
	if err := CheckStatus(msg); err != nil {
		return err
	}
	msg, err := r.stageMessage(ctx, msg)
	if err != nil {
		return err
	}
	return r.Update(ctx, func(tx storage.Tx) error { return r.AppendStatus(tx, msg) })
}

// Artifact emits an artifact, or a chunk of one, durable on return. The first
// chunk an attempt emits of an artifact replaces what an earlier attempt emitted.
func (r *Run) Artifact(ctx context.Context, chunk *a2apb.TaskArtifactUpdateEvent) error {
	if err := CheckArtifact(chunk.GetArtifact(), proto.Size(chunk.GetArtifact())); err != nil {
		return err
	}
	a, err := r.stageArtifact(ctx, chunk.Artifact)
	if err != nil {
		return err
	}
	chunk = &a2apb.TaskArtifactUpdateEvent{Artifact: a, Append: chunk.Append, LastChunk: chunk.LastChunk, Metadata: chunk.Metadata}
	return r.Update(ctx, func(tx storage.Tx) error { return r.AppendArtifact(tx, chunk) })
}

// AppendStatus is Status inside [Run.Update], where large parts are kept as they
// are unless [Run.Stage] was called on them before.
func (r *Run) AppendStatus(_ storage.Tx, msg *a2apb.Message) error {
	if r.cur == nil {
		return errOutside
	}
	if err := CheckStatus(msg); err != nil {
		return err
	}
	if err := r.room(r.cur, proto.Size(msg)); err != nil {
		return err
	}
	return r.cur.setState(working, r.cur.fill(msg), r.Attempt)
}

// CheckStatus tells what is wrong with a status message, nil when nothing is.
func CheckStatus(msg *a2apb.Message) error {
	switch {
	case len(msg.GetParts()) == 0:
		return &FieldError{"message.parts", "must not be empty"}
	case proto.Size(msg) > MaxChunk:
		return &FieldError{"message", fmt.Sprintf("is larger than %d bytes", MaxChunk)}
	}
	return nil
}

// AppendArtifact is Artifact inside [Run.Update], as AppendStatus is Status.
func (r *Run) AppendArtifact(_ storage.Tx, chunk *a2apb.TaskArtifactUpdateEvent) error {
	if r.cur == nil {
		return errOutside
	}
	size := proto.Size(chunk.GetArtifact())
	if err := CheckArtifact(chunk.GetArtifact(), size); err != nil {
		return err
	}
	return r.appendChunk(r.cur, chunk, size)
}

// CheckArtifact tells what is wrong with an artifact or a chunk, nil when nothing is.
// atMost is a size that it does not exceed; its own is found only where that is too large.
func CheckArtifact(a *a2apb.Artifact, atMost int) error {
	if atMost > MaxChunk {
		atMost = proto.Size(a)
	}
	if err := checkArtifact(a, atMost); err != nil {
		return &FieldError{"artifact", err.Error()}
	}
	return nil
}

func checkArtifact(a *a2apb.Artifact, size int) error {
	switch {
	case len(a.GetParts()) == 0:
		return errors.New("has no parts")
	case len(a.ArtifactId) > MaxID:
		return fmt.Errorf("has an id longer than %d bytes", MaxID)
	case size > MaxChunk:
		return fmt.Errorf("is larger than %d bytes; emit it in chunks", MaxChunk)
	}
	return nil
}

// appendChunk appends an artifact event with its ids. The first chunk of an
// attempt never appends to what a lost attempt has streamed. size is the artifact's.
func (r *Run) appendChunk(e *edit, chunk *a2apb.TaskArtifactUpdateEvent, size int) error {
	a := chunk.Artifact
	if err := r.room(e, size); err != nil {
		return err
	}
	id := a.ArtifactId
	if id == "" {
		id = r.defaultArtifact()
	}
	update := &a2apb.TaskArtifactUpdateEvent{
		TaskId: e.id, ContextId: e.h.contextID, LastChunk: chunk.LastChunk, Metadata: chunk.Metadata,
		Append: chunk.Append && r.appends(e, id),
		Artifact: &a2apb.Artifact{
			ArtifactId: id, Name: a.Name, Description: a.Description, Parts: a.Parts, Metadata: a.Metadata, Extensions: a.Extensions,
		},
	}
	e.begun = append(e.begun, id)
	return e.append(&record{attempt: r.Attempt}, &a2apb.StreamResponse{Payload: &a2apb.StreamResponse_ArtifactUpdate{ArtifactUpdate: update}})
}

// room refuses what would make the task's log larger than it may be.
func (r *Run) room(e *edit, size int) error {
	if limit := r.m.opts.MaxLog; e.h.bytes()+uint64(size) > uint64(limit) {
		return tooMuch(limit)
	}
	return nil
}

// defaultArtifact is the id of a run's artifact that was given none: the same in every attempt.
func (r *Run) defaultArtifact() string { return fmt.Sprintf("artifact-%d", r.Number) }

// appends tells whether a chunk may append to the artifact: this attempt has
// begun it, or an earlier run of the task has made it, and followers have it as
// that run left it. On a retry restore sees to that.
func (r *Run) appends(e *edit, id string) bool {
	r.mu.Lock()
	begun := r.begun[id]
	r.mu.Unlock()
	return begun || slices.Contains(e.begun, id) || r.Number > 1 && r.Attempt == 1
}

// Task returns the task as it is, without its history.
func (r *Run) Task(ctx context.Context) (*a2apb.Task, error) {
	if err := r.settle(ctx); err != nil {
		return nil, err
	}
	return r.m.get(ctx, r.Ref, r.TaskID, selection{artifacts: true})
}
