package server

import (
	"testing"
	"time"

	"github.com/carrelhq/carrel/abi"
	"github.com/carrelhq/carrel/task"
)

const holdParams = `{"message":{"messageId":"m","role":"ROLE_USER","parts":[{"text":"hold"}]}}`

// rest reads a stream to its end and returns its last event.
func (s *eventStream) rest(last event) event {
	s.t.Helper()
	for {
		e, ok := s.next()
		if !ok {
			return last
		}
		if e.comment == "" {
			last = e
		}
	}
}

// TestAStreamShowsATaskThatTakesTooLongForAReply begins with nothing but
// keep-alives; the task comes when it is no longer hidden, from its beginning.
func TestAStreamShowsATaskThatTakesTooLongForAReply(t *testing.T) {
	t.Parallel()
	w := newScripted()
	h := newHouse(t, workingWith(t, w, task.Options{ReplyWithin: 50 * time.Millisecond}), dev, func(_ *parts, o *Options) { o.KeepAlive = time.Millisecond })
	h.declare("direct", abi.Description{Replies: abi.RepliesMessage})
	stream := h.subscribe("/agents/acme/direct", "SendStreamingMessage", holdParams)
	run := <-w.held
	e := stream.must()
	for e.comment != "" {
		e = stream.must()
	}
	if e.id != 1 || e.Result.Task == nil || e.Result.Task.ID != run.TaskID {
		t.Fatalf("the first event is %+v, want the task", e)
	}
	if r := h.rpc("/agents/acme/direct", "GetTask", `{"id":"`+run.TaskID+`"}`); r.code(t) != 0 {
		t.Errorf("got %s", r.body)
	}
	close(w.release)
	if last := stream.rest(e); last.Result.StatusUpdate.Status.State != "TASK_STATE_COMPLETED" {
		t.Errorf("the last event is %+v", last)
	}
}

// TestAStreamUnderAKeyJoinsTheTask shows what the task is, and then what follows.
func TestAStreamUnderAKeyJoinsTheTask(t *testing.T) {
	t.Parallel()
	w := newScripted()
	h := newHouse(t, working(t, w), dev)
	first := h.subscribe("/agents/acme/carded", "SendStreamingMessage", holdParams, headerOnce, "k")
	run := <-w.held
	if err := run.Artifact(t.Context(), artifact("so far", false)); err != nil {
		t.Fatal(err)
	}
	second := h.subscribe("/agents/acme/carded", "SendStreamingMessage", holdParams, headerOnce, "k")
	e := second.must()
	if e.Result.Task == nil || e.Result.Task.ID != run.TaskID || e.id != 3 {
		t.Fatalf("the second stream begins with %+v, want the task as it is", e)
	}
	close(w.release)
	if a, b := first.rest(event{}), second.rest(e); a.id != b.id || a.id != e.id+1 {
		t.Errorf("the streams end with events %d and %d, want both to be %d", a.id, b.id, e.id+1)
	}
}
