package task_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/carrelhq/carrel/storage"
	"github.com/carrelhq/carrel/storage/storagetest"
	"github.com/carrelhq/carrel/task"
	"github.com/carrelhq/carrel/task/worker"
)

func TestMessagesThatAreRefused(t *testing.T) {
	t.Parallel()
	h := memoryHouse(t)
	finished := h.send("hi", "")
	h.finish(h.claim(), task.Result{})
	open := h.send("hi", "")
	long := strings.Repeat("x", 129)
	for name, c := range map[string]struct {
		change func(*a2apb.SendMessageRequest)
		want   error
		field  string
	}{
		"no message":              {func(r *a2apb.SendMessageRequest) { r.Message = nil }, task.ErrInvalidParams, "message"},
		"no messageId":            {func(r *a2apb.SendMessageRequest) { r.Message.MessageId = "" }, task.ErrInvalidParams, "message.messageId"},
		"the agent's role":        {func(r *a2apb.SendMessageRequest) { r.Message.Role = a2apb.Role_ROLE_AGENT }, task.ErrInvalidParams, "message.role"},
		"no parts":                {func(r *a2apb.SendMessageRequest) { r.Message.Parts = nil }, task.ErrInvalidParams, "message.parts"},
		"an empty part":           {func(r *a2apb.SendMessageRequest) { r.Message.Parts = []*a2apb.Part{{}} }, task.ErrInvalidParams, "message.parts[0]"},
		"a long contextId":        {func(r *a2apb.SendMessageRequest) { r.Message.ContextId = long }, task.ErrInvalidParams, "message.contextId"},
		"too large":               {func(r *a2apb.SendMessageRequest) { r.Message.Parts = []*a2apb.Part{part(strings.Repeat("x", 257<<10))} }, task.ErrInvalidParams, "message"},
		"an unknown task":         {func(r *a2apb.SendMessageRequest) { r.Message.TaskId = "nope" }, task.ErrTaskNotFound, ""},
		"a finished task":         {func(r *a2apb.SendMessageRequest) { r.Message.TaskId = finished.TaskID }, task.ErrUnsupportedOperation, ""},
		"another task's context":  {func(r *a2apb.SendMessageRequest) { r.Message.TaskId, r.Message.ContextId = open.TaskID, "other" }, task.ErrInvalidParams, "message.contextId"},
		"an unknown reference":    {func(r *a2apb.SendMessageRequest) { r.Message.ReferenceTaskIds = []string{"nope"} }, task.ErrTaskNotFound, ""},
		"a type it does not take": {func(r *a2apb.SendMessageRequest) { r.Message.Parts[0].MediaType = "image/png" }, task.ErrContentTypeNotSupported, ""},
		"a push configuration": {func(r *a2apb.SendMessageRequest) {
			r.Configuration = &a2apb.SendMessageConfiguration{TaskPushNotificationConfig: &a2apb.TaskPushNotificationConfig{}}
		}, task.ErrPushNotSupported, ""},
		"a long output mode": {func(r *a2apb.SendMessageRequest) {
			r.Configuration = &a2apb.SendMessageConfiguration{AcceptedOutputModes: []string{"text/plain", strings.Repeat("x", 256)}}
		}, task.ErrInvalidParams, "configuration.acceptedOutputModes[1]"},
		"a negative historyLength": {func(r *a2apb.SendMessageRequest) {
			n := int32(-1)
			r.Configuration = &a2apb.SendMessageConfiguration{HistoryLength: &n}
		}, task.ErrInvalidParams, "configuration.historyLength"},
	} {
		req := &a2apb.SendMessageRequest{Message: message("hi")}
		c.change(req)
		_, err := h.Send(t.Context(), bot, req)
		if !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", name, err, c.want)
		}
		var f *task.FieldError
		if c.field != "" && (!errors.As(err, &f) || f.Field != c.field) {
			t.Errorf("%s: got %v, want the field %s", name, err, c.field)
		}
	}
	if _, err := h.Send(t.Context(), task.Ref{Tenant: "acme", Agent: "nobody"}, &a2apb.SendMessageRequest{Message: message("hi")}); !errors.Is(err, task.ErrAgentNotFound) {
		t.Errorf("an unknown agent: got %v", err)
	}
}

func TestTooManyUnfinishedTasksAreRefused(t *testing.T) {
	t.Parallel()
	h := newHouse(t, storagetest.Memory(), task.Options{MaxQueued: 2, MaxPending: 1})
	first := h.send("a", "")
	h.send("b", "")
	if _, err := h.Send(t.Context(), bot, &a2apb.SendMessageRequest{Message: message("c")}); !errors.Is(err, task.ErrBusy) {
		t.Errorf("a third task: got %v, want ErrBusy", err)
	}
	msg := message("more")
	msg.TaskId = first.TaskID
	if _, err := h.Send(t.Context(), bot, &a2apb.SendMessageRequest{Message: msg}); !errors.Is(err, task.ErrBusy) {
		t.Errorf("a message beyond MaxPending: got %v, want ErrBusy", err)
	}
	h.finish(h.claim(), task.Result{})
	h.send("c", "")
}

// TestAnotherAgentsTaskIsNotThere asks for a task in every way under another
// agent's name, and another tenant's.
func TestAnotherAgentsTaskIsNotThere(t *testing.T) {
	t.Parallel()
	h := memoryHouse(t)
	id := h.send("hi", "ctx").TaskID
	h.finish(h.claim(), task.Result{})
	for _, ref := range []task.Ref{{Tenant: "acme", Agent: "other"}, {Tenant: "acm", Agent: "bot"}, {Tenant: "acme2", Agent: "bot"}} {
		ctx := t.Context()
		_, get := h.Get(ctx, ref, id, nil)
		_, cancel := h.Cancel(ctx, ref, id)
		_, await := h.Await(ctx, ref, id, 0, nil)
		_, _, snapshot := h.Log().Snapshot(ctx, ref, id)
		errs := map[string]error{
			"get": get, "cancel": cancel, "await": await, "snapshot": snapshot,
			"delete": h.Delete(ctx, ref, id), "delete context": h.DeleteContext(ctx, ref, "ctx"),
		}
		for _, err := range h.Log().Follow(ctx, ref, id, 0) {
			errs["follow"] = err
		}
		for _, err := range h.Lines(ctx, ref, id, 0, false) {
			errs["lines"] = err
		}
		for what, err := range errs {
			if !errors.Is(err, task.ErrTaskNotFound) {
				t.Errorf("%v: %s: got %v, want not found", ref, what, err)
			}
		}
		if list, err := h.List(ctx, ref, "", &a2apb.ListTasksRequest{}); err != nil || len(list.Tasks) != 0 || list.TotalSize != 0 {
			t.Errorf("%v: list: got %v, %v", ref, list, err)
		}
	}
}

func TestAwaitReturnsTheTaskAsItIsWhenItsContextEnds(t *testing.T) {
	t.Parallel()
	h := memoryHouse(t)
	a := h.send("hi", "")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	got, err := h.Await(ctx, bot, a.TaskID, a.Seq, nil)
	if err != nil || got.Status.State != submitted {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestABlockingMessageIsAnsweredFromMemoryAsFromTheStore(t *testing.T) {
	t.Parallel()
	h := memoryHouse(t)
	h.start(func(ctx context.Context, run *task.Run) (task.Result, error) {
		for i := range 3 {
			if err := run.Artifact(ctx, chunk("a", fmt.Sprint(i), i > 0)); err != nil {
				return task.Result{}, err
			}
		}
		if err := run.Status(ctx, said("nearly")); err != nil {
			return task.Result{}, err
		}
		return task.Result{Message: said("done"), Artifacts: []*a2apb.Artifact{artifact("b", "x")}}, nil
	}, worker.Options{})
	for _, contextID := range []string{"", "ctx"} {
		msg := message("hi")
		msg.ContextId = contextID
		answer, err := h.SendAndAwait(t.Context(), bot, task.Once{}, &a2apb.SendMessageRequest{Message: msg})
		if err != nil {
			t.Fatal(err)
		}
		got := answer.GetTask()
		stored := h.get(got.Id)
		if got.String() != stored.String() || artifacts(got) != "a=012 b=x" || history(got) != "hi nearly" {
			t.Errorf("from memory\n%v\nfrom the store\n%v", got, stored)
		}
	}
}

func TestHistoryLength(t *testing.T) {
	t.Parallel()
	h := memoryHouse(t)
	a := h.send("one", "")
	run := h.claim()
	for _, text := range []string{"two", "three"} {
		if err := run.Status(t.Context(), said(text)); err != nil {
			t.Fatal(err)
		}
	}
	h.finish(run, task.Result{Message: said("four")})
	for n, want := range map[int32]string{0: "", 1: "three", 2: "two three", 9: "one two three"} {
		got, err := h.Get(t.Context(), bot, a.TaskID, &n)
		if err != nil || history(got) != want || texts(got.Status.Message.Parts) != "four" {
			t.Errorf("%d: got %q, %v, want %q", n, history(got), err, want)
		}
	}
	negative := int32(-1)
	if _, err := h.Get(t.Context(), bot, a.TaskID, &negative); !errors.Is(err, task.ErrInvalidParams) {
		t.Errorf("got %v", err)
	}
}

func TestListPagesThroughTheNewestStatusFirst(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := memoryHouse(t)
		var want []string
		begin := time.Now()
		for i := range 7 {
			a := h.send("hi", []string{"", "ctx"}[i%2])
			time.Sleep(time.Second)
			run := h.claim()
			h.finish(run, task.Result{State: []a2apb.TaskState{completed, failed}[i%2]})
			want = append([]string{a.TaskID}, want...)
			time.Sleep(time.Second)
		}
		size := int32(3)
		var got []string
		req := &a2apb.ListTasksRequest{PageSize: &size}
		for {
			page, err := h.List(t.Context(), bot, "", req)
			if err != nil || page.TotalSize != 7 || page.PageSize != 3 {
				t.Fatalf("got %v, %v", page, err)
			}
			for _, task := range page.Tasks {
				got = append(got, task.Id)
			}
			if page.NextPageToken == "" {
				break
			}
			req.PageToken = page.NextPageToken
		}
		if strings.Join(got, " ") != strings.Join(want, " ") {
			t.Errorf("got\n%v, want\n%v", got, want)
		}
		for name, c := range map[string]struct {
			req  *a2apb.ListTasksRequest
			want int
		}{
			"by state":                       {&a2apb.ListTasksRequest{Status: failed}, 3},
			"by context":                     {&a2apb.ListTasksRequest{ContextId: "ctx"}, 3},
			"by context and state":           {&a2apb.ListTasksRequest{ContextId: "ctx", Status: completed}, 0},
			"by time":                        {&a2apb.ListTasksRequest{StatusTimestampAfter: timestamppb.New(begin.Add(9 * time.Second))}, 3},
			"by a time that is inclusive":    {&a2apb.ListTasksRequest{StatusTimestampAfter: timestamppb.New(begin.Add(13 * time.Second))}, 1},
			"by time and state":              {&a2apb.ListTasksRequest{Status: failed, StatusTimestampAfter: timestamppb.New(begin.Add(9 * time.Second))}, 1},
			"of a context that is not there": {&a2apb.ListTasksRequest{ContextId: "nope"}, 0},
		} {
			got, err := h.List(t.Context(), bot, "", c.req)
			if err != nil || len(got.Tasks) != c.want || int(got.TotalSize) != c.want || got.Tasks == nil {
				t.Errorf("%s: got %d of %d tasks, %v, want %d", name, len(got.Tasks), got.TotalSize, err, c.want)
			}
		}
	})
}

func TestListsThatAreRefused(t *testing.T) {
	t.Parallel()
	h := memoryHouse(t)
	for range 3 {
		h.send("hi", "")
	}
	size := int32(1)
	page, err := h.List(t.Context(), bot, "", &a2apb.ListTasksRequest{PageSize: &size})
	if err != nil || page.NextPageToken == "" {
		t.Fatal(page, err)
	}
	big, none, negative := int32(101), int32(0), int32(-1)
	for name, req := range map[string]*a2apb.ListTasksRequest{
		"a page too large":         {PageSize: &big},
		"a page of none":           {PageSize: &none},
		"a negative page":          {PageSize: &negative},
		"a negative historyLength": {HistoryLength: &negative},
		"an unknown state":         {Status: 99},
		"nonsense for a token":     {PageToken: "nonsense"},
		"a token cut short":        {PageToken: page.NextPageToken[:8]},
		"another query's token":    {PageToken: page.NextPageToken, Status: failed},
		"a long context":           {ContextId: strings.Repeat("x", 129)},
	} {
		if _, err := h.List(t.Context(), bot, "", req); !errors.Is(err, task.ErrInvalidParams) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if _, err := h.List(t.Context(), task.Ref{Tenant: "acme", Agent: "other"}, "", &a2apb.ListTasksRequest{PageToken: page.NextPageToken}); !errors.Is(err, task.ErrInvalidParams) {
		t.Errorf("another agent's token: got %v", err)
	}
}

func TestDeletingLeavesNothing(t *testing.T) {
	t.Parallel()
	h := memoryHouse(t)
	before := records(t, h.db)
	for range 2 {
		a := h.send("hi", "ctx")
		run := h.claim()
		if err := h.Delete(t.Context(), bot, a.TaskID); !errors.Is(err, task.ErrUnsupportedOperation) {
			t.Errorf("a task at work: got %v", err)
		}
		if err := h.DeleteContext(t.Context(), bot, "ctx"); !errors.Is(err, task.ErrUnsupportedOperation) {
			t.Errorf("a context at work: got %v", err)
		}
		if err := run.Update(t.Context(), func(tx storage.Tx) error { return run.AppendLine(tx, "info", "line") }); err != nil {
			t.Fatal(err)
		}
		if _, err := run.SaveContext(t.Context(), []byte("x"), mustVersion(t, run)); err != nil {
			t.Fatal(err)
		}
		h.finish(run, task.Result{})
	}
	if err := h.DeleteContext(t.Context(), bot, "ctx"); err != nil {
		t.Fatal(err)
	}
	if err := h.DeleteContext(t.Context(), bot, "ctx"); !errors.Is(err, task.ErrTaskNotFound) {
		t.Errorf("a second time: got %v", err)
	}
	const counters, sets = 3, 2 // submitted, working, completed; of two tasks: they stay, at 0 and empty
	if after := records(t, h.db); after > before+counters+sets {
		t.Errorf("%d records, %d before", after, before)
	}
}

func mustVersion(t *testing.T, run *task.Run) uint64 {
	t.Helper()
	_, version, err := run.LoadContext(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return version
}

func records(t *testing.T, db storage.DB) (n int) {
	t.Helper()
	if err := db.View(t.Context(), func(tx storage.Tx) error {
		for _, err := range tx.Scan(nil, nil) {
			if err != nil {
				return err
			}
			n++
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestAContextIsSavedWithTheEndOfItsRun(t *testing.T) {
	t.Parallel()
	h := memoryHouse(t)
	h.send("one", "ctx")
	run := h.claim()
	if _, err := run.SaveContext(t.Context(), []byte("a"), 1); !errors.Is(err, task.ErrConflict) {
		t.Errorf("a stale version: got %v", err)
	}
	for i, data := range []string{"a", "b"} {
		if v, err := run.SaveContext(t.Context(), []byte(data), uint64(i)); err != nil || v != uint64(i+1) {
			t.Fatalf("got %d, %v", v, err)
		}
	}
	if data, v, err := run.LoadContext(t.Context()); err != nil || string(data) != "b" || v != 2 {
		t.Errorf("the run itself sees %q, %d, %v", data, v, err)
	}
	if _, err := h.Lose(t.Context(), run, errors.New("lost")); err != nil { // what it saved goes with it
		t.Fatal(err)
	}
	next := h.restart(task.Options{BackOff: time.Nanosecond, MaxBackOff: time.Nanosecond})
	second := next.send("two", "ctx2")
	_ = second
	for range 2 {
		job, err := next.broker.Dequeue(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		again, err := next.Claim(t.Context(), job)
		if err != nil {
			t.Fatal(err)
		}
		if again == nil {
			continue // its back-off is not over
		}
		if data, v, err := again.LoadContext(t.Context()); err != nil || len(data) != 0 || v != 0 {
			t.Errorf("a lost run has saved %q, %d, %v", data, v, err)
		}
		next.finish(again, task.Result{})
	}
	if _, err := run.SaveContext(t.Context(), make([]byte, task.MaxContext+1), 2); !errors.Is(err, task.ErrContextTooLarge) {
		t.Errorf("too large: got %v", err)
	}
}

func TestTheHistoryOfAContextSpansItsTasks(t *testing.T) {
	t.Parallel()
	h := memoryHouse(t)
	for _, text := range []string{"one", "two"} {
		h.send(text, "ctx")
		h.finish(h.claim(), task.Result{Message: said("re " + text)})
	}
	h.send("three", "ctx")
	run := h.claim()
	for limit, want := range map[int]string{100: "one re one two re two three", 2: "re two three", 0: ""} {
		messages, err := run.History(t.Context(), limit)
		var got []string
		for _, m := range messages {
			got = append(got, texts(m.Parts))
		}
		if err != nil || strings.Join(got, " ") != want {
			t.Errorf("limit %d: got %v, %v, want %q", limit, got, err, want)
		}
	}
}

func TestALogIsKeptUpToItsQuota(t *testing.T) {
	t.Parallel()
	h := memoryHouse(t)
	a := h.send("hi", "")
	run := h.claim()
	const written = task.MaxLines + 50
	if err := run.Update(t.Context(), func(tx storage.Tx) error {
		for i := range written {
			if err := run.AppendLine(tx, "info", fmt.Sprint(i)); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	h.finish(run, task.Result{})
	var lines []task.LogLine
	for l, err := range h.Lines(t.Context(), bot, a.TaskID, 0, true) {
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, l)
	}
	if len(lines) != task.MaxLines || lines[0].Message != "0" || !strings.Contains(lines[len(lines)-1].Message, "full") {
		t.Errorf("%d lines, the last %+v", len(lines), lines[len(lines)-1])
	}
}

func TestResultsThatAreNotValidFailTheTask(t *testing.T) {
	t.Parallel()
	h := memoryHouse(t)
	for name, result := range map[string]task.Result{
		"a state that ends no run":  {State: working},
		"an artifact without parts": {Artifacts: []*a2apb.Artifact{{}}},
		"a message without parts":   {Message: &a2apb.Message{}},
		"an artifact too large":     {Artifacts: []*a2apb.Artifact{artifact("a", strings.Repeat("x", 330<<10))}},
	} {
		a := h.send("hi", "")
		h.finish(h.claim(), result)
		if got := h.get(a.TaskID); got.Status.State != failed || !strings.Contains(texts(got.Status.Message.GetParts()), "not valid") {
			t.Errorf("%s: got %v", name, got.Status)
		}
	}
}

func TestAResultWithinItsBoundsIsCommitted(t *testing.T) {
	t.Parallel()
	many := task.Result{}
	for i := range 6000 {
		many.Artifacts = append(many.Artifacts, artifact(fmt.Sprint(i), "x"))
	}
	large := strings.Repeat("x", 319<<10)
	tests := []struct {
		name   string
		result task.Result
		saved  int
	}{
		{"a large message, artifact and context", task.Result{Message: said(large), Artifacts: []*a2apb.Artifact{artifact("a", large)}}, task.MaxContext},
		{"large artifacts", task.Result{Artifacts: []*a2apb.Artifact{artifact("a", large), artifact("b", large), artifact("c", large), artifact("d", large)}}, 0},
		{"more artifacts than an update has keys", many, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			h := memoryHouse(t)
			a := h.send("hi", "")
			run := h.claim()
			if test.saved > 0 {
				if _, err := run.SaveContext(t.Context(), make([]byte, test.saved), 0); err != nil {
					t.Fatal(err)
				}
			}
			h.finish(run, test.result)
			if got := h.get(a.TaskID); len(got.Artifacts) != len(test.result.Artifacts) || got.Status.State != completed {
				t.Errorf("%d artifacts, %v", len(got.Artifacts), got.Status.State)
			}
		})
	}
}

func TestArtifactsThatFillSeveralUpdatesAreAllThere(t *testing.T) {
	t.Parallel()
	h := memoryHouse(t)
	a := h.send("hi", "")
	var result task.Result
	for i := range 8 {
		result.Artifacts = append(result.Artifacts, artifact(fmt.Sprint(i), strings.Repeat("x", 300<<10)))
	}
	h.finish(h.claim(), result)
	if got := h.get(a.TaskID); len(got.Artifacts) != 8 || got.Status.State != completed {
		t.Errorf("%d artifacts, %v", len(got.Artifacts), got.Status)
	}
}
