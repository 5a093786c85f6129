package task_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"

	"github.com/carrelhq/carrel/broker"
	"github.com/carrelhq/carrel/storage/storagetest"
	"github.com/carrelhq/carrel/task"
	"github.com/carrelhq/carrel/task/worker"
)

// restart is a new process on the same store, which has searched it for lost work.
func (h *house) restart(opts task.Options) *house {
	h.t.Helper()
	next := newHouse(h.t, h.db, opts)
	if err := next.Sweep(h.t.Context(), true); err != nil {
		h.t.Fatal(err)
	}
	return next
}

func TestATaskLostInACrashIsRunAgainAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := memoryHouse(t)
		a := h.send("hi", "")
		lost := h.claim()
		if err := lost.Artifact(t.Context(), chunk("a", "half", false)); err != nil {
			t.Fatal(err)
		}
		if err := lost.Artifact(t.Context(), chunk("b", "other", false)); err != nil {
			t.Fatal(err)
		}
		next := h.restart(task.Options{})
		run := next.claim()
		if run.Attempt != 2 || texts(run.Message.Parts) != "hi" {
			t.Errorf("got attempt %d of %q", run.Attempt, texts(run.Message.Parts))
		}
		if err := run.Artifact(t.Context(), chunk("a", "whole", true)); err != nil {
			t.Fatal(err)
		}
		next.finish(run, task.Result{})
		if got := artifacts(next.get(a.TaskID)); got != "a=whole" {
			t.Errorf("got %q: what the lost attempt left must not count", got)
		}
		for _, e := range next.follow(a.TaskID, 4) {
			if u := e.Body.GetArtifactUpdate(); u != nil && u.Append {
				t.Error("the first chunk of an attempt appends to what the lost one streamed")
			}
		}
	})
}

func TestATaskThatNeverBeganLosesNoAttempt(t *testing.T) {
	t.Parallel()
	h := memoryHouse(t)
	h.send("hi", "")
	for range 10 { // crashes before the run has done anything
		h = h.restart(task.Options{})
	}
	if run := h.claim(); run.Attempt != 1 {
		t.Errorf("got attempt %d, want the first", run.Attempt)
	}
}

func TestWhatALateWorkerWritesIsRefused(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := memoryHouse(t)
		a := h.send("hi", "")
		late := h.claim()
		if err := late.Status(t.Context(), said("begun")); err != nil {
			t.Fatal(err)
		}
		next := h.restart(task.Options{})
		run := next.claim()
		for what, err := range map[string]error{
			"status":   late.Status(t.Context(), said("still here")),
			"artifact": late.Artifact(t.Context(), chunk("a", "x", false)),
			"finish":   h.Finish(t.Context(), late, task.Result{}),
		} {
			if !errors.Is(err, task.ErrFenced) {
				t.Errorf("%s: got %v, want ErrFenced", what, err)
			}
		}
		next.finish(run, task.Result{Artifacts: []*a2apb.Artifact{artifact("a", "right")}})
		if got := next.get(a.TaskID); artifacts(got) != "a=right" || got.Status.State != completed {
			t.Errorf("got %v", got)
		}
	})
}

func TestATaskThatKillsItsProcessIsGivenUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := memoryHouse(t)
		a := h.send("poison", "")
		for range 5 {
			if err := h.claim().Status(t.Context(), said("about to die")); err != nil {
				t.Fatal(err)
			}
			h = h.restart(task.Options{})
		}
		job, err := h.broker.Dequeue(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if run, err := h.Claim(t.Context(), job); run != nil || err != nil {
			t.Fatalf("got %v, %v", run, err)
		}
		got := h.get(a.TaskID)
		if got.Status.State != failed || len(got.Status.Message.GetParts()) == 0 {
			t.Errorf("got %v, want failed with a reason", got.Status)
		}
	})
}

func TestOnASharedStoreALeaseIsHonouredUntilItRunsOut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		opts := task.Options{Shared: true, Lease: 30 * time.Second}
		h := newHouse(t, storagetest.Memory(), opts)
		a := h.send("hi", "")
		first := h.claim()
		other := newHouse(t, h.db, opts)
		claim := func() *task.Run {
			if err := other.Sweep(t.Context(), true); err != nil {
				t.Fatal(err)
			}
			job, err := other.broker.Dequeue(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			run, err := other.Claim(t.Context(), job)
			if err != nil {
				t.Fatal(err)
			}
			return run
		}
		time.Sleep(29 * time.Second)
		if run := claim(); run != nil {
			t.Fatal("the lease was not honoured")
		}
		if err := h.Renew(t.Context(), first); err != nil {
			t.Fatal(err)
		}
		time.Sleep(29 * time.Second)
		if run := claim(); run != nil {
			t.Fatal("the renewed lease was not honoured")
		}
		time.Sleep(2 * time.Second)
		run := claim()
		if run == nil {
			t.Fatal("the lease never runs out")
		}
		if err := h.Renew(t.Context(), first); !errors.Is(err, task.ErrFenced) || !errors.Is(context.Cause(first.Context()), task.ErrFenced) {
			t.Errorf("the first holder: got %v and cause %v", err, context.Cause(first.Context()))
		}
		other.finish(run, task.Result{})
		other.wantState(a.TaskID, completed)
		h.Drop(first)
	})
}

func TestLostAttemptsAreRetriedWithBackOffAndThenGivenUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := memoryHouse(t)
		var at []time.Duration
		begin := time.Now()
		h.start(func(context.Context, *task.Run) (task.Result, error) {
			at = append(at, time.Since(begin))
			return task.Result{}, errors.New("lost")
		}, worker.Options{})
		a := h.send("hi", "")
		got := h.await(a)
		want := []time.Duration{0, 1 * time.Second, 3 * time.Second, 7 * time.Second, 15 * time.Second}
		if len(at) != len(want) {
			t.Fatalf("tried at %v, want %v", at, want)
		}
		for i := range want {
			if d := at[i] - want[i]; d < 0 || d > 10*time.Millisecond {
				t.Errorf("attempt %d at %v, want %v", i+1, at[i], want[i])
			}
		}
		if got.Status.State != failed {
			t.Errorf("got %v", got.Status)
		}
	})
}

func TestCallersReadOnlyWhatIsMeantForThem(t *testing.T) {
	t.Parallel()
	secret := errors.New("dial tcp 10.0.0.7:5432: password of acme refused")
	const unsaid = "The task failed: its run was tried 5 times and lost each time."
	for name, test := range map[string]struct {
		work workerFunc
		want string
	}{
		"an error": {
			func(context.Context, *task.Run) (task.Result, error) { return task.Result{}, secret }, unsaid,
		},
		"an error with a text for callers": {
			func(context.Context, *task.Run) (task.Result, error) {
				return task.Result{}, fmt.Errorf("turn 3: %w", task.ForCaller("the model is away", secret))
			}, "The task failed: the model is away, the last of 5 attempts.",
		},
		"a panic": {
			func(context.Context, *task.Run) (task.Result, error) { panic(secret) }, unsaid,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				h := memoryHouse(t)
				h.start(test.work, worker.Options{})
				a := h.send("hi", "")
				got := h.await(a)
				if said := texts(got.Status.Message.GetParts()); got.Status.State != failed || said != test.want {
					t.Errorf("got %s, %q, want %q", got.Status.State, said, test.want)
				}
			})
		})
	}
	if err := task.ForCaller("the model is away", secret); !errors.Is(err, secret) || err.Error() != secret.Error() {
		t.Errorf("the log gets %v", err)
	}
}

func TestARetrySurvivesARestart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := memoryHouse(t)
		a := h.send("hi", "")
		if in, err := h.Lose(t.Context(), h.claim(), errors.New("lost")); err != nil || in != time.Second {
			t.Fatalf("got %v, %v", in, err)
		}
		next := newHouse(t, h.db, task.Options{})
		next.start(echo, worker.Options{SweepEvery: 100 * time.Millisecond})
		if got := next.await(a); got.Status.State != completed {
			t.Errorf("got %v", got)
		}
	})
}

func TestAJobTheBrokerLostIsFoundAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := memoryHouse(t)
		a := h.send("hi", "")
		if _, err := h.broker.Dequeue(t.Context()); err != nil { // and drop it
			t.Fatal(err)
		}
		if err := h.Sweep(t.Context(), false); err != nil { // too early
			t.Fatal(err)
		}
		time.Sleep(31 * time.Second)
		if err := h.Sweep(t.Context(), false); err != nil {
			t.Fatal(err)
		}
		h.finish(h.claim(), task.Result{})
		h.wantState(a.TaskID, completed)
	})
}

func TestARunThatIsGivenBackLosesNoAttempt(t *testing.T) {
	t.Parallel()
	h := memoryHouse(t)
	h.send("hi", "")
	for range 10 {
		if err := h.GiveBack(t.Context(), h.claim()); err != nil {
			t.Fatal(err)
		}
		if err := h.Sweep(t.Context(), true); err != nil {
			t.Fatal(err)
		}
	}
	h.finish(h.claim(), task.Result{})
}

func TestARetryDoesNotComeBeforeItsBackOff(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := memoryHouse(t)
		a := h.send("hi", "")
		if _, err := h.Lose(t.Context(), h.claim(), errors.New("lost")); err != nil {
			t.Fatal(err)
		}
		next := h.restart(task.Options{})
		job, err := next.broker.Dequeue(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if run, err := next.Claim(t.Context(), job); run != nil || err != nil {
			t.Errorf("got %v, %v, want nothing before the back-off of task %s is over", run, err, a.TaskID)
		}
	})
}

func TestAContextIsNotSavedOverAnother(t *testing.T) {
	t.Parallel()
	h := memoryHouse(t)
	h.send("hi", "ctx")
	run := h.claim()
	if _, err := run.SaveContext(t.Context(), []byte("mine"), 0); err != nil {
		t.Fatal(err)
	}
	// Turns keep other tasks of the context away, so the stored version moves on
	// behind the run's back.
	if err := h.saveBehind("ctx"); err != nil {
		t.Fatal(err)
	}
	if err := h.Finish(t.Context(), run, task.Result{}); !errors.Is(err, task.ErrConflict) {
		t.Errorf("got %v, want ErrConflict", err)
	}
}

// deafBroker takes no jobs while it is deaf.
type deafBroker struct {
	broker.Broker
	deaf atomic.Bool
}

func (b *deafBroker) Enqueue(ctx context.Context, job broker.Job) error {
	if b.deaf.Load() {
		return errors.New("no way to the broker")
	}
	return b.Broker.Enqueue(ctx, job)
}

func TestABrokerThatIsDownFailsNothingThatWasCommitted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := memoryHouse(t)
		b := &deafBroker{Broker: h.broker}
		m, err := task.NewManager(h.db, b, h.agents, task.Options{})
		if err != nil {
			t.Fatal(err)
		}
		h.Manager = m
		first := h.send("one", "ctx")
		second := h.send("two", "ctx")
		run := h.claim()
		b.deaf.Store(true)
		h.send("three", "") // no error, or its sender would send it again
		h.finish(run, task.Result{})
		h.wantState(first.TaskID, completed)
		b.deaf.Store(false)
		time.Sleep(time.Minute)
		if err := h.Sweep(t.Context(), false); err != nil {
			t.Fatal(err)
		}
		if got := h.claim().TaskID; got != second.TaskID {
			t.Errorf("the sweep found %s", got)
		}
	})
}

func TestATaskWithTwoJobsIsClaimedOnce(t *testing.T) {
	t.Parallel()
	for range 100 {
		h := memoryHouse(t)
		h.send(strings.Repeat("x", 10<<10), "") // too large to be reserved in memory
		job, err := h.broker.Dequeue(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var runs atomic.Int64
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				run, err := h.Claim(t.Context(), job)
				if err != nil {
					t.Error(err)
				}
				if run != nil {
					runs.Add(1)
				}
			})
		}
		wg.Wait()
		if got := runs.Load(); got != 1 {
			t.Fatalf("%d runs have one task", got)
		}
	}
}
