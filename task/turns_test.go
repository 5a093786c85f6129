package task_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"

	"github.com/carrelhq/carrel/broker"
	"github.com/carrelhq/carrel/task"
	"github.com/carrelhq/carrel/task/worker"
)

func TestTasksOfOneContextTakeTurns(t *testing.T) {
	t.Parallel()
	h := memoryHouse(t)
	var mu sync.Mutex
	var order []string
	active := 0
	h.start(func(_ context.Context, run *task.Run) (task.Result, error) {
		mu.Lock()
		active++
		if active > 1 {
			t.Error("two tasks of the context run at once")
		}
		order = append(order, texts(run.Message.Parts))
		mu.Unlock()
		defer func() { mu.Lock(); active--; mu.Unlock() }()
		return task.Result{}, nil
	}, worker.Options{})
	var want []string
	var sent []task.Accepted
	for _, text := range strings.Split("abcdefghijklmnop", "") {
		sent = append(sent, h.send(text, "ctx"))
		want = append(want, text)
	}
	for _, a := range sent {
		if got := h.await(a); got.Status.State != completed {
			t.Errorf("got %v", got)
		}
	}
	if strings.Join(order, "") != strings.Join(want, "") {
		t.Errorf("ran in order %v, want %v", order, want)
	}
}

// TestATurnPassesHowever a task ends: each way passes the turn to the next one.
func TestATurnPassesHoweverATaskEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for name, end := range map[string]func(h *house, run *task.Run) error{
			"completed": func(h *house, run *task.Run) error { return h.Finish(t.Context(), run, task.Result{}) },
			"failed":    func(h *house, run *task.Run) error { return h.Finish(t.Context(), run, task.Result{State: failed}) },
			"input required": func(h *house, run *task.Run) error {
				return h.Finish(t.Context(), run, task.Result{State: inputRequired})
			},
			"canceled": func(h *house, run *task.Run) error { _, err := h.Cancel(t.Context(), bot, run.TaskID); return err },
		} {
			h := memoryHouse(t)
			for _, contextID := range []string{"", "named"} { // a context of ours has no queue at first
				first := h.send("a", contextID)
				second := h.send("b", first.ContextID)
				run := h.claim()
				if run.TaskID != first.TaskID {
					t.Fatalf("%s: the second task came first", name)
				}
				soon, cancel := context.WithTimeout(t.Context(), time.Second)
				if job, err := h.broker.Dequeue(soon); err == nil {
					t.Errorf("%s: %v runs beside the first", name, job)
				}
				cancel()
				if err := end(h, run); err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				next := h.claim()
				if next.TaskID != second.TaskID {
					t.Errorf("%s: got task %s, want the second", name, next.TaskID)
				}
				h.finish(next, task.Result{})
			}
		}
	})
}

// TestTurnsOfAnOlderStorePass has tasks whose heads do not say that they have turns.
func TestTurnsOfAnOlderStorePass(t *testing.T) {
	t.Parallel()
	h := memoryHouse(t)
	first, second := h.send("a", "ctx"), h.send("b", "ctx")
	if err := task.Downgrade(t.Context(), h.db, bot.Tenant); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Cancel(t.Context(), bot, first.TaskID); err != nil {
		t.Fatal(err)
	}
	run, err := h.Claim(t.Context(), broker.Job{Tenant: bot.Tenant, TaskID: second.TaskID})
	if err != nil {
		t.Fatalf("the second task has no turn: %v", err)
	}
	h.finish(run, task.Result{})
}

func TestATaskThatWaitsForItsTurnCanBeCanceled(t *testing.T) {
	t.Parallel()
	h := memoryHouse(t)
	h.send("a", "ctx")
	second, third := h.send("b", "ctx"), h.send("c", "ctx")
	if _, err := h.Cancel(t.Context(), bot, second.TaskID); err != nil {
		t.Fatal(err)
	}
	h.finish(h.claim(), task.Result{})
	if next := h.claim(); next.TaskID != third.TaskID {
		t.Errorf("got task %s, want the third", next.TaskID)
	}
}

func TestAnAnswerWaitsForItsTurn(t *testing.T) {
	t.Parallel()
	h := memoryHouse(t)
	asks := h.send("a", "ctx")
	h.finish(h.claim(), task.Result{State: inputRequired, Message: said("what?")})
	h.send("b", "ctx")
	busy := h.claim() // the other task has the turn now
	answered := h.reply("this", asks.TaskID)
	h.finish(busy, task.Result{})
	run := h.claim()
	if run.TaskID != asks.TaskID || run.Number != 2 || texts(run.Message.Parts) != "this" {
		t.Errorf("got task %s, run %d with %q", run.TaskID, run.Number, texts(run.Message.Parts))
	}
	h.finish(run, task.Result{Artifacts: []*a2apb.Artifact{artifact("a", "done")}})
	got := h.await(answered)
	if got.Status.State != completed || history(got) != "a what? this" || artifacts(got) != "a=done" {
		t.Errorf("got %v", got)
	}
}

func TestMessagesToATaskAtWorkAreQueued(t *testing.T) {
	t.Parallel()
	h := memoryHouse(t)
	a := h.send("one", "")
	h.reply("two", a.TaskID) // before the run begins: the run is given it
	run := h.claim()
	h.reply("three", a.TaskID) // after: it waits for the next run
	if len(run.Pending) != 1 || texts(run.Pending[0].Parts) != "two" {
		t.Errorf("pending are %v", run.Pending)
	}
	h.finish(run, task.Result{State: inputRequired, Message: said("which?")})
	next := h.claim()
	if next.Number != 2 || texts(next.Message.Parts) != "three" || len(next.Pending) > 0 {
		t.Errorf("run %d got %q and %v", next.Number, texts(next.Message.Parts), next.Pending)
	}
	h.finish(next, task.Result{})
	if got := h.get(a.TaskID); history(got) != "one two three which?" {
		t.Errorf("history is %q", history(got))
	}
}

// TestAQuestionIsNotTheAnswerToAMessageThatWaits has a run ask for input when
// that has come already: whoever sent it waits for the run that it starts.
func TestAQuestionIsNotTheAnswerToAMessageThatWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := memoryHouse(t)
		first := h.send("one", "")
		run := h.claim()
		answers := make(chan *a2apb.Task, 1)
		go func() {
			msg := message("two")
			msg.TaskId = first.TaskID
			got, err := h.SendAndAwait(t.Context(), bot, task.Once{}, &a2apb.SendMessageRequest{Message: msg})
			if err != nil {
				t.Error(err)
			}
			answers <- got.GetTask()
		}()
		synctest.Wait()
		h.finish(run, task.Result{State: inputRequired, Message: said("which?")})
		synctest.Wait()
		select {
		case got := <-answers:
			t.Fatalf("the answer is the task as it is %s", got.Status.State)
		default:
		}
		h.finish(h.claim(), task.Result{Artifacts: []*a2apb.Artifact{artifact("a", "done")}})
		if got := <-answers; got.Status.State != completed || history(got) != "one two which?" {
			t.Errorf("got %s with %q", got.Status.State, history(got))
		}
		if got := summary(h.follow(first.TaskID, 0)); strings.Contains(got, "input_required") {
			t.Errorf("followers saw %s", got)
		}
	})
}
