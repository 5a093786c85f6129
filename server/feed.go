package server

import (
	"context"
	"errors"
	"iter"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"
	"google.golang.org/protobuf/proto"

	"github.com/carrelhq/carrel/task"
)

// feed is what a stream shows of one task, whatever the binding: a first
// snapshot, if any, and the events after seq.
type feed struct {
	ref task.Ref
	id  string
	// first is the snapshot, seq the last event it contains; without one, seq is
	// the event after which to begin.
	first *a2apb.StreamResponse
	seq   uint64
	// untilInput ends the feed also when the task waits for input.
	untilInput bool
	// history bounds the messages in tasks that are shown; nil is all.
	history *int32
	// link makes links of what stands for large parts.
	link task.Link
	// hidden says that the task is not shown yet: what comes may be a direct reply.
	hidden bool
}

// snapshot makes the feed begin with the task as it is.
func (f *feed) snapshot(ctx context.Context, log events) error {
	t, seq, err := log.Snapshot(ctx, f.ref, f.id)
	if err != nil {
		return err
	}
	f.first = &a2apb.StreamResponse{Payload: &a2apb.StreamResponse_Task{Task: t}}
	f.seq = seq
	return nil
}

// ends reports whether nothing more is shown after the state.
func (f *feed) ends(s a2apb.TaskState) bool {
	return task.Terminal(s) || f.untilInput && s == a2apb.TaskState_TASK_STATE_INPUT_REQUIRED
}

// trim returns the response with no more history than the feed may show. The
// original is shared and left as it is.
func (f *feed) trim(r *a2apb.StreamResponse) *a2apb.StreamResponse {
	t := r.GetTask()
	if t == nil || f.history == nil || len(t.GetHistory()) <= int(*f.history) {
		return r
	}
	shown := proto.CloneOf(r)
	history := shown.GetTask().GetHistory()
	shown.GetTask().History = history[len(history)-int(*f.history):]
	return shown
}

// shown is one thing that a stream shows.
type shown struct {
	// seq is the number of the last event that is known with it.
	seq  uint64
	body *a2apb.StreamResponse
	// event is what is shown where shared: all streams share its encodings.
	event  task.Event
	shared bool
	// more says that there is something else to show, without waiting for it.
	more bool
}

// play yields what the feed shows, in order, and ends when nothing more will
// come. An error is the last it yields; where it is the cause of the end of ctx,
// the feed can be played on from where it stands.
func (f *feed) play(ctx context.Context, log events) iter.Seq2[shown, error] {
	return func(yield func(shown, error) bool) {
		for f.playOn(ctx, log, yield) {
		}
	}
}

// playOn shows the snapshot, if there is one, and what follows. It reports
// whether it stopped to begin again: events are gone and the feed has a new
// snapshot, or a task is to be shown that was hidden.
func (f *feed) playOn(ctx context.Context, log events, yield func(shown, error) bool) (again bool) {
	if first := f.first; first != nil {
		f.first = nil
		if !yield(shown{seq: f.seq, body: f.link.Response(f.trim(first))}, nil) || f.ends(first.GetTask().GetStatus().GetState()) {
			return false
		}
	}
	for e, err := range log.Follow(ctx, f.ref, f.id, f.seq) {
		if errors.Is(err, task.ErrEventsPurged) {
			if err = f.snapshot(ctx, log); err == nil {
				return true
			}
			if ctx.Err() != nil {
				err = context.Cause(ctx)
			}
		}
		if err != nil {
			yield(shown{}, err)
			return false
		}
		f.seq = e.Seq
		if f.hidden && e.Shows {
			f.hidden, f.seq = false, 0 // it is a task: shown from its beginning
			return true
		}
		if f.hidden && e.Body.GetMessage() == nil {
			continue
		}
		if e.Body != nil && !yield(f.showEvent(e), nil) || f.ends(e.State) {
			return false
		}
	}
	return false
}

func (f *feed) showEvent(e task.Event) shown {
	body := f.link.Response(f.trim(e.Body))
	return shown{seq: e.Seq, body: body, event: e, shared: body == e.Body, more: e.More}
}
