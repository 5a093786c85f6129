package server

import (
	"context"
	"testing"
	"time"

	"github.com/a2aproject/a2a-go/v2/a2a"
	"github.com/a2aproject/a2a-go/v2/a2aclient"

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

// TestTheOfficialClientTakesDirectRepliesAndKeys has every binding: the key is in
// the metadata, where any client can put it.
func TestTheOfficialClientTakesDirectRepliesAndKeys(t *testing.T) {
	t.Parallel()
	for _, binding := range []a2a.TransportProtocol{a2a.TransportProtocolJSONRPC, a2a.TransportProtocolHTTPJSON, a2a.TransportProtocolGRPC} {
		t.Run(string(binding), func(t *testing.T) {
			t.Parallel()
			h := newGRPCHouse(t, working(t, newScripted()))
			h.declare("direct", abi.Description{Replies: abi.RepliesMessage})
			driveReplies(t, h.official("/agents/acme/direct", "acme", binding))
		})
	}
}

func driveReplies(t *testing.T, client *a2aclient.Client) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	req := clientMessage("reply hello", "")
	req.Metadata = map[string]any{metadataOnce: "k-1"}
	var ids []string
	for range 2 {
		result, err := client.SendMessage(ctx, req)
		if err != nil {
			t.Fatal(err)
		}
		reply, ok := result.(*a2a.Message)
		if !ok || reply.ContextID == "" || reply.TaskID != "" || reply.Parts[0].Text() != "hello" {
			t.Fatalf("got %+v, want a message", result)
		}
		ids = append(ids, reply.ID)
	}
	for event, err := range client.SendStreamingMessage(ctx, req) {
		reply, ok := event.(*a2a.Message)
		if err != nil || !ok {
			t.Fatalf("stream: got %+v, %v, want a message", event, err)
		}
		ids = append(ids, reply.ID)
	}
	if len(ids) != 3 || ids[0] != ids[1] || ids[0] != ids[2] {
		t.Errorf("got messages %v, want one, three times", ids)
	}
	if page, err := client.ListTasks(ctx, &a2a.ListTasksRequest{}); err != nil || page.TotalSize != 0 {
		t.Errorf("list: got %+v, %v, want none", page, err)
	}
}
