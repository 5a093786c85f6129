package task_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"

	"github.com/carrelhq/carrel/abi"
	"github.com/carrelhq/carrel/agent"
	"github.com/carrelhq/carrel/storage/storagetest"
	"github.com/carrelhq/carrel/task"
	"github.com/carrelhq/carrel/task/worker"
)

// replying makes bot an agent that may answer with messages.
func replying(t *testing.T, opts task.Options) *house {
	t.Helper()
	h := newHouse(t, storagetest.Memory(), opts)
	if _, err := h.agents.Declare(t.Context(), bot.Tenant, bot.Agent, abi.Description{Replies: abi.RepliesMessage}, agent.PushOptions{}); err != nil {
		t.Fatal(err)
	}
	return h
}

// ends are ways for a run to end; first is what it does before.
var ends = map[string]struct {
	first  func(*task.Run, context.Context) error
	result task.Result
	err    error // that the worker returns, each time
	state  a2apb.TaskState
	reply  bool
}{
	"a message":                 {result: task.Result{Message: said("yes")}, reply: true},
	"a message of a named kind": {result: task.Result{State: completed, Message: said("yes")}, reply: true},
	"nothing":                   {state: completed},
	"an artifact":               {result: task.Result{Artifacts: []*a2apb.Artifact{artifact("a", "yes")}}, state: completed},
	"an artifact and a message": {result: task.Result{Message: said("yes"), Artifacts: []*a2apb.Artifact{artifact("a", "yes")}}, state: completed},
	"a question":                {result: task.Result{State: inputRequired, Message: said("which?")}, state: inputRequired},
	"a wish for credentials":    {result: task.Result{State: authRequired}, state: authRequired},
	"a failure":                 {result: task.Result{State: failed, Message: said("no")}, state: failed},
	"a refusal":                 {result: task.Result{State: rejected, Message: said("no")}, state: rejected},
	"a worker that is lost":     {err: errors.New("lost"), state: failed},
	"a message after progress": {
		first:  func(r *task.Run, ctx context.Context) error { return r.Status(ctx, said("half way")) },
		result: task.Result{Message: said("yes")}, state: completed,
	},
	"a message after a chunk": {
		first:  func(r *task.Run, ctx context.Context) error { return r.Artifact(ctx, chunk("a", "x", false)) },
		result: task.Result{Message: said("yes")}, state: completed,
	},
	"a message after 31 seconds": {
		first:  func(*task.Run, context.Context) error { time.Sleep(31 * time.Second); return nil },
		result: task.Result{Message: said("yes")}, state: completed,
	},
	"a message after 29 seconds": {
		first:  func(*task.Run, context.Context) error { time.Sleep(29 * time.Second); return nil },
		result: task.Result{Message: said("yes")}, reply: true,
	},
}

// TestWhatIsADirectReply has runs end in every way, and holds what the caller is
// told to what can be read of the task.
func TestWhatIsADirectReply(t *testing.T) {
	t.Parallel()
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				h := replying(t, task.Options{MaxAttempts: 2})
				var id string
				h.start(func(ctx context.Context, run *task.Run) (task.Result, error) {
					id = run.TaskID
					h.wantHidden(id)
					if end.first != nil {
						if err := end.first(run, ctx); err != nil {
							return task.Result{}, err
						}
					}
					return end.result, end.err
				}, worker.Options{})
				req := asking("hi")
				req.Message.ContextId = "ctx"
				answer, err := h.SendAndAwait(t.Context(), bot, task.Once{}, req)
				if err != nil {
					t.Fatal(err)
				}
				if !end.reply {
					if got := answer.GetTask(); got.GetId() != id || got.GetStatus().GetState() != end.state || got.String() != h.get(id).String() || h.count() != 1 {
						t.Errorf("got %v, want task %s %s", answer, id, end.state)
					}
					return
				}
				msg := answer.GetMessage()
				if texts(msg.GetParts()) != "yes" || msg.MessageId == "" || msg.ContextId != "ctx" || msg.TaskId != "" || msg.Role != a2apb.Role_ROLE_AGENT {
					t.Errorf("got %v, want the reply", answer)
				}
				h.wantHidden(id)
			})
		})
	}
}

// wantHidden asks for the task in every way there is.
func (h *house) wantHidden(id string) {
	h.t.Helper()
	ctx, next := h.t.Context(), message("and?")
	next.TaskId = id
	about := message("about that")
	about.ReferenceTaskIds = []string{id}
	asks := map[string]func() error{
		"get":    func() error { _, err := h.Get(ctx, bot, id, nil); return err },
		"await":  func() error { _, err := h.Await(ctx, bot, id, 0, nil); return err },
		"cancel": func() error { _, err := h.Cancel(ctx, bot, id); return err },
		"delete": func() error { return h.Delete(ctx, bot, id) },
		"send":   func() error { _, err := h.Send(ctx, bot, &a2apb.SendMessageRequest{Message: next}); return err },
		"refer":  func() error { _, err := h.Send(ctx, bot, &a2apb.SendMessageRequest{Message: about}); return err },
		"position": func() error {
			_, _, err := h.Log().Position(ctx, bot, id)
			return err
		},
		"snapshot": func() error {
			_, _, err := h.Log().Snapshot(ctx, bot, id)
			return err
		},
	}
	for name, ask := range asks {
		if err := ask(); !errors.Is(err, task.ErrTaskNotFound) {
			h.t.Errorf("%s: got %v, want ErrTaskNotFound", name, err)
		}
	}
	for _, contextID := range []string{"", "ctx"} {
		page, err := h.List(ctx, bot, "", &a2apb.ListTasksRequest{ContextId: contextID})
		if err != nil || page.TotalSize != 0 || len(page.Tasks) != 0 {
			h.t.Errorf("list of context %q: got %v, %v", contextID, page, err)
		}
	}
}

func TestWhoWantsATaskGetsOne(t *testing.T) {
	t.Parallel()
	h := pushHouse(t)
	if _, err := h.agents.Declare(t.Context(), bot.Tenant, bot.Agent, abi.Description{Replies: abi.RepliesMessage}, agent.PushOptions{}); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]*a2apb.SendMessageConfiguration{
		"who does not wait":  {ReturnImmediately: true},
		"who has a webhook":  {TaskPushNotificationConfig: &a2apb.TaskPushNotificationConfig{Url: "https://hooks.example.com/"}},
		"nobody but waiters": nil,
	} {
		req := asking("hi")
		req.Configuration = c
		a := h.sendOnce(task.Once{}, req)
		if a.Hidden != (c == nil) {
			t.Errorf("%s: got %+v", name, a)
		}
		h.finish(h.claim(), task.Result{Message: said("yes")})
		if a.Hidden {
			if _, err := h.CreatePushConfig(t.Context(), bot, hook(a.TaskID, "late")); !errors.Is(err, task.ErrTaskNotFound) {
				t.Errorf("%s: a webhook: got %v, want ErrTaskNotFound", name, err)
			}
			continue
		}
		if got := h.get(a.TaskID); got.Status.State != completed || texts(got.Status.Message.GetParts()) != "yes" || got.Status.Message.TaskId != a.TaskID {
			t.Errorf("%s: got %v", name, got)
		}
	}
}

func TestTheEventsOfAHiddenTask(t *testing.T) {
	t.Parallel()
	h := replying(t, task.Options{})
	for _, c := range []struct {
		result task.Result
		want   string
	}{
		{task.Result{Message: said("yes")}, "task working reply"},
		{task.Result{State: failed}, "task working failed!"},
		{task.Result{Artifacts: []*a2apb.Artifact{artifact("", "x")}}, "task working artifact! completed"},
	} {
		a := h.send("hi", "")
		h.finish(h.claim(), c.result)
		var got []string
		for _, e := range h.follow(a.TaskID, 0) {
			word := kind(e)
			if e.Body.GetMessage() != nil {
				word = "reply"
			}
			if e.Shows {
				word += "!"
			}
			got = append(got, word)
		}
		if words := strings.Join(got, " "); words != c.want {
			t.Errorf("got %s, want %s", words, c.want)
		}
	}
}

// TestWhoWaitsNoLongerIsShownTheTask, for good: what the run then says ends it.
func TestWhoWaitsNoLongerIsShownTheTask(t *testing.T) {
	t.Parallel()
	h := replying(t, task.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	shown := make(chan *a2apb.SendMessageResponse, 1)
	go func() {
		answer, err := h.SendAndAwait(ctx, bot, key, asking("hi"))
		if err != nil {
			t.Error(err)
		}
		shown <- answer
	}()
	run := h.claim()
	cancel()
	got := (<-shown).GetTask()
	if got.GetId() != run.TaskID || h.count() != 1 {
		t.Fatalf("got %v, and %d tasks", got, h.count())
	}
	h.finish(run, task.Result{Message: said("yes")})
	if got := h.get(run.TaskID); got.Status.State != completed || texts(got.Status.Message.GetParts()) != "yes" || got.Status.Message.TaskId != run.TaskID {
		t.Errorf("got %v", got)
	}
}

func TestARepetitionGetsTheReply(t *testing.T) {
	t.Parallel()
	h := replying(t, task.Options{})
	first := h.sendOnce(key, asking("hi"))
	h.finish(h.claim(), task.Result{Message: said("yes")})
	answer, err := h.SendAndAwait(t.Context(), bot, key, asking("hi"))
	if err != nil || texts(answer.GetMessage().GetParts()) != "yes" {
		t.Errorf("waiting: got %v, %v", answer, err)
	}
	again := h.sendOnce(key, asking("hi"))
	if !again.Repeated || !again.Hidden || again.TaskID != first.TaskID {
		t.Errorf("got %+v", again)
	}
	now, err := h.Answer(t.Context(), bot, again, nil)
	if err != nil || now.String() != answer.String() {
		t.Errorf("not waiting: got %v, %v, want %v", now, err, answer)
	}
}

func TestHiddenTasksCountAsUnfinishedOnes(t *testing.T) {
	t.Parallel()
	h := replying(t, task.Options{MaxQueued: 1})
	for range 3 {
		h.send("hi", "")
		if _, err := h.Send(t.Context(), bot, asking("hi")); !errors.Is(err, task.ErrBusy) {
			t.Fatalf("got %v, want ErrBusy", err)
		}
		h.finish(h.claim(), task.Result{Message: said("yes")})
	}
	a := h.send("hi", "")
	h.finish(h.claim(), task.Result{})
	if h.count() != 1 || h.Delete(t.Context(), bot, a.TaskID) != nil || h.count() != 0 {
		t.Error("the tasks are miscounted")
	}
}

func TestAReplyBelongsToTheConversationForAWhile(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := replying(t, task.Options{KeepReplies: 48 * time.Hour})
		remembered := func() (all string) {
			time.Sleep(time.Millisecond) // or nothing says which task came first
			h.send("and", "ctx")
			run := h.claim()
			messages, err := run.History(t.Context(), 10)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range messages {
				all += texts(m.Parts) + " "
			}
			h.finish(run, task.Result{Message: said("so")})
			return all
		}
		h.send("hi", "ctx")
		h.finish(h.claim(), task.Result{Message: said("yes")})
		if got := remembered(); got != "hi yes and " {
			t.Errorf("history is %q", got)
		}
		time.Sleep(47 * time.Hour)
		h.forgetReplies()
		if got := remembered(); got != "hi yes and so and " {
			t.Errorf("after 47 hours history is %q", got)
		}
		time.Sleep(time.Hour - 3*time.Millisecond/2) // 48 hours since the first, and a moment
		h.forgetReplies()
		if got := remembered(); got != "and so and so and " {
			t.Errorf("after 48 hours history is %q", got)
		}
		if err := h.DeleteContext(t.Context(), bot, "ctx"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(48 * time.Hour)
		h.forgetReplies()
		h.wantNothingLeft()
	})
}

func TestManyRepliesAreRemovedInSteps(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := replying(t, task.Options{})
		for i := range 600 {
			h.send(fmt.Sprint(i), "")
			h.finish(h.claim(), task.Result{Message: said("yes")})
		}
		time.Sleep(24 * time.Hour)
		h.forgetReplies()
		h.wantNothingLeft()
	})
}

func (h *house) forgetReplies() {
	h.t.Helper()
	if err := h.ForgetReplies(h.t.Context()); err != nil {
		h.t.Fatal(err)
	}
}

// wantNothingLeft wants no record of a task in the store, but counters that are zero.
func (h *house) wantNothingLeft() {
	h.t.Helper()
	left, err := task.Records(h.t.Context(), h.db, bot.Tenant)
	if err != nil || len(left) > 0 {
		h.t.Errorf("there is left %q, %v", left, err)
	}
}

func TestManyWhoWaitUnderOneKeyGetOneReply(t *testing.T) {
	t.Parallel()
	h := replying(t, task.Options{})
	h.start(func(context.Context, *task.Run) (task.Result, error) {
		return task.Result{Message: said("yes")}, nil
	}, worker.Options{})
	answers := make([]string, 64)
	var all sync.WaitGroup
	for i := range answers {
		all.Go(func() {
			answer, err := h.SendAndAwait(t.Context(), bot, key, asking("hi"))
			if err != nil {
				t.Error(err)
			}
			answers[i] = answer.GetMessage().GetMessageId()
		})
	}
	all.Wait()
	for _, id := range answers {
		if id == "" || id != answers[0] {
			t.Fatalf("got messages %q and %q", answers[0], id)
		}
	}
}

// TestAHiddenTaskOutlivesItsProcess, and so does its answer for who asks again.
func TestAHiddenTaskOutlivesItsProcess(t *testing.T) {
	t.Parallel()
	h := replying(t, task.Options{})
	h.sendOnce(key, asking("hi"))
	h.claim() // and the process dies
	next := newHouse(t, h.db, task.Options{})
	if err := next.Sweep(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	run := next.claim()
	next.wantHidden(run.TaskID)
	next.finish(run, task.Result{Message: said("yes")})
	answer, err := next.SendAndAwait(t.Context(), bot, key, asking("hi"))
	if err != nil || texts(answer.GetMessage().GetParts()) != "yes" {
		t.Errorf("got %v, %v, want the reply", answer, err)
	}
}

func TestAReplyComesFromAnotherProcess(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := replying(t, task.Options{Shared: true})
		other, err := task.NewManager(h.db, h.broker, h.agents, task.Options{Shared: true})
		if err != nil {
			t.Fatal(err)
		}
		answers := make(chan *a2apb.SendMessageResponse, 1)
		go func() {
			answer, err := h.SendAndAwait(t.Context(), bot, task.Once{}, asking("hi"))
			if err != nil {
				t.Error(err)
			}
			answers <- answer
		}()
		job, err := h.broker.Dequeue(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		run, err := other.Claim(t.Context(), job)
		if err != nil || run == nil {
			t.Fatal(run, err)
		}
		if err := other.Finish(t.Context(), run, task.Result{Message: said("yes")}); err != nil {
			t.Fatal(err)
		}
		if answer := <-answers; texts(answer.GetMessage().GetParts()) != "yes" {
			t.Errorf("got %v", answer)
		}
	})
}
