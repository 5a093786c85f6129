package server

import (
	"context"
	"errors"

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

	cursor *task.Cursor // after seq; nil until it is needed
	ended  bool
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

// next waits for the next thing that the feed shows. ok is false when nothing more
// will come. After an error of ctx the feed can be gone on with, under another one.
// close must be called in the end.
func (f *feed) next(ctx context.Context, log events) (what shown, ok bool, err error) {
	if first := f.first; first != nil {
		f.first = nil
		f.ended = f.ends(first.GetTask().GetStatus().GetState())
		return shown{seq: f.seq, body: f.link.Response(f.trim(first))}, true, nil
	}
	for !f.ended {
		e, ok, err := f.take(ctx, log)
		switch {
		case errors.Is(err, task.ErrEventsPurged): // a snapshot has what they would have shown
			if err = f.snapshot(ctx, log); err == nil {
				return f.next(ctx, log)
			}
			if ctx.Err() != nil {
				err = context.Cause(ctx)
			}
			return shown{}, false, err
		case err != nil || !ok:
			f.ended = err == nil
			return shown{}, false, err
		}
		f.seq = e.Seq
		switch {
		case f.hidden && e.Shows: // it is a task: shown from its beginning
			f.close()
			f.hidden, f.seq = false, 0
			continue
		case f.hidden && e.Body.GetMessage() == nil:
			continue
		}
		if f.ended = f.ends(e.State); e.Body != nil {
			return f.showEvent(e), true, nil
		}
	}
	return shown{}, false, nil
}

// take waits for the next event after seq.
func (f *feed) take(ctx context.Context, log events) (task.Event, bool, error) {
	if f.cursor == nil {
		f.cursor = log.Cursor(f.ref, f.id, f.seq)
	}
	e, ok, err := f.cursor.Next(ctx)
	if errors.Is(err, task.ErrEventsPurged) {
		f.close()
	}
	return e, ok, err
}

// close gives up what the feed holds to follow the log. It may be called twice.
func (f *feed) close() {
	if f.cursor != nil {
		f.cursor.Close()
		f.cursor = nil
	}
}

func (f *feed) showEvent(e task.Event) shown {
	body := f.link.Response(f.trim(e.Body))
	return shown{seq: e.Seq, body: body, event: e, shared: body == e.Body, more: e.More}
}
