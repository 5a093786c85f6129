package worker_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"

	"github.com/carrelhq/carrel/abi"
	"github.com/carrelhq/carrel/agent"
	"github.com/carrelhq/carrel/broker"
	"github.com/carrelhq/carrel/storage"
	"github.com/carrelhq/carrel/storage/storagetest"
	"github.com/carrelhq/carrel/task"
	"github.com/carrelhq/carrel/task/worker"
)

var bot = task.Ref{Tenant: "acme", Agent: "bot"}

type workerFunc func(context.Context, *task.Run) (task.Result, error)

func (f workerFunc) Work(ctx context.Context, run *task.Run) (task.Result, error) { return f(ctx, run) }

// house is a manager with its parts; run starts a loop over it.
type house struct {
	*task.Manager
	t      *testing.T
	broker broker.Broker
}

func newHouse(t *testing.T) *house {
	t.Helper()
	return newHouseOn(t, storagetest.Memory())
}

func newHouseOn(t *testing.T, db storage.DB) *house {
	t.Helper()
	b := broker.New()
	agents, err := agent.NewRegistry(db, nil, agent.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := agents.Declare(t.Context(), bot.Tenant, bot.Agent, abi.Description{}, agent.PushOptions{}); err != nil {
		t.Fatal(err)
	}
	m, err := task.NewManager(db, b, agents, task.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return &house{m, t, b}
}

// run starts a loop; stop ends it and returns when it has.
func (h *house) run(w workerFunc, opts worker.Options) (stop func()) {
	h.t.Helper()
	loop, err := worker.New(h.Manager, h.broker, w, opts)
	if err != nil {
		h.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(h.t.Context()))
	done := make(chan error, 1)
	go func() { done <- loop.Run(ctx) }()
	return func() {
		cancel()
		if err := <-done; err != nil {
			h.t.Error(err)
		}
	}
}

func (h *house) send(text string) task.Accepted {
	h.t.Helper()
	return h.sendIn("", text)
}

// sendIn sends a text in a context.
func (h *house) sendIn(contextID, text string) task.Accepted {
	h.t.Helper()
	part := &a2apb.Part{Content: &a2apb.Part_Text{Text: text}}
	a, err := h.Send(h.t.Context(), bot, &a2apb.SendMessageRequest{Message: &a2apb.Message{
		MessageId: "m", ContextId: contextID, Role: a2apb.Role_ROLE_USER, Parts: []*a2apb.Part{part},
	}})
	if err != nil {
		h.t.Fatal(err)
	}
	return a
}

func (h *house) await(a task.Accepted) *a2apb.Task {
	h.t.Helper()
	got, err := h.Await(h.t.Context(), bot, a.TaskID, a.Seq, nil)
	if err != nil {
		h.t.Fatal(err)
	}
	return got
}

func reason(t *a2apb.Task) string {
	if parts := t.Status.GetMessage().GetParts(); len(parts) > 0 {
		return parts[0].GetText()
	}
	return ""
}

func TestAPanicIsALostAttempt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		attempts := 0
		stop := h.run(func(context.Context, *task.Run) (task.Result, error) {
			if attempts++; attempts < 3 {
				panic("oops")
			}
			return task.Result{}, nil
		}, worker.Options{})
		defer stop()
		if got := h.await(h.send("hi")); got.Status.State != a2apb.TaskState_TASK_STATE_COMPLETED || attempts != 3 {
			t.Errorf("got %v after %d attempts", got.Status, attempts)
		}
	})
}

func TestARunThatTakesTooLongFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		stop := h.run(func(ctx context.Context, _ *task.Run) (task.Result, error) {
			<-ctx.Done()
			if context.Cause(ctx) != task.ErrTimeout {
				t.Errorf("the cause is %v", context.Cause(ctx))
			}
			return task.Result{}, ctx.Err()
		}, worker.Options{RunTimeout: time.Minute})
		defer stop()
		got := h.await(h.send("hi"))
		if got.Status.State != a2apb.TaskState_TASK_STATE_FAILED || !strings.Contains(reason(got), "longer than 1m0s") {
			t.Errorf("got %v", got.Status)
		}
	})
}

// TestARunThatIsStoppedSavesNothing has a run save its context, and come to no
// end that counts.
func TestARunThatIsStoppedSavesNothing(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(context.Context) (task.Result, error){
		"too late": func(ctx context.Context) (task.Result, error) {
			<-ctx.Done()
			return task.Result{}, ctx.Err()
		},
		"with a result that is not valid": func(context.Context) (task.Result, error) {
			return task.Result{State: a2apb.TaskState_TASK_STATE_SUBMITTED}, nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				h := newHouse(t)
				stop := h.run(func(ctx context.Context, run *task.Run) (task.Result, error) {
					data, version, err := run.LoadContext(ctx)
					if err != nil || len(data) != 0 || version != 0 {
						t.Errorf("the context is %q, version %d, %v", data, version, err)
					}
					if _, err := run.SaveContext(ctx, []byte("half of it"), version); err != nil {
						t.Error(err)
					}
					return end(ctx)
				}, worker.Options{RunTimeout: time.Minute})
				defer stop()
				first := h.await(h.send("hi"))
				again := h.await(h.sendIn(first.ContextId, "hi"))
				for _, got := range []*a2apb.Task{first, again} {
					if got.Status.State != a2apb.TaskState_TASK_STATE_FAILED {
						t.Errorf("got %v", got.Status)
					}
				}
			})
		})
	}
}

func TestACanceledRunSeesWhy(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		cause := make(chan error, 1)
		stop := h.run(func(ctx context.Context, _ *task.Run) (task.Result, error) {
			<-ctx.Done()
			cause <- context.Cause(ctx)
			return task.Result{}, ctx.Err()
		}, worker.Options{})
		defer stop()
		a := h.send("hi")
		synctest.Wait()
		got, err := h.Cancel(t.Context(), bot, a.TaskID)
		if err != nil || got.Status.State != a2apb.TaskState_TASK_STATE_CANCELED {
			t.Errorf("got %v, %v", got, err)
		}
		if got := <-cause; got != task.ErrCanceled {
			t.Errorf("the worker saw %v", got)
		}
	})
}

func TestShutdownLetsRunsEndAndGivesTheRestBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		begin := time.Now()
		stop := h.run(func(ctx context.Context, run *task.Run) (task.Result, error) {
			d := 5 * time.Second
			if run.Message.Parts[0].GetText() == "long" {
				d = time.Hour
			}
			select {
			case <-time.After(d):
				return task.Result{}, nil
			case <-ctx.Done():
				return task.Result{}, context.Cause(ctx)
			}
		}, worker.Options{SoftStop: 10 * time.Second})
		short, long := h.send("short"), h.send("long")
		synctest.Wait()
		stop()
		if took := time.Since(begin); took != 10*time.Second {
			t.Errorf("shutdown took %v, want the 10 s of SoftStop", took)
		}
		if got := h.await(short); got.Status.State != a2apb.TaskState_TASK_STATE_COMPLETED {
			t.Errorf("the short run: got %v", got.Status)
		}
		attempts := 0
		defer h.run(func(_ context.Context, run *task.Run) (task.Result, error) {
			attempts++
			return task.Result{}, nil
		}, worker.Options{})()
		if got := h.await(long); got.Status.State != a2apb.TaskState_TASK_STATE_COMPLETED || attempts != 1 {
			t.Errorf("the long run: got %v after %d more attempts", got.Status, attempts)
		}
	})
}

func TestNoMoreRunsThanPlaces(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		running, most := 0, 0
		gate := make(chan struct{})
		stop := h.run(func(context.Context, *task.Run) (task.Result, error) {
			running++
			most = max(most, running)
			<-gate
			running--
			return task.Result{}, nil
		}, worker.Options{Concurrency: 1})
		defer stop()
		var sent []task.Accepted
		for range 5 {
			sent = append(sent, h.send("hi"))
		}
		synctest.Wait()
		close(gate)
		for _, a := range sent {
			h.await(a)
		}
		if most != 1 {
			t.Errorf("%d runs at once, want 1", most)
		}
	})
}

// slowDB takes its time over updates that nobody waits for, as claims are.
type slowDB struct {
	storage.DB
	delay atomic.Int64
}

func (d *slowDB) UpdateLater(ctx context.Context, fn func(storage.Tx) error) (func() error, error) {
	time.Sleep(time.Duration(d.delay.Load()))
	return d.DB.UpdateLater(ctx, fn)
}

func TestShutdownInterruptsRunsThatWereBeingClaimed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db := &slowDB{DB: storagetest.Memory()}
		h := newHouseOn(t, db)
		h.send(strings.Repeat("x", 10<<10)) // too large for the claim to need no update
		db.delay.Store(int64(30 * time.Second))
		stop := h.run(func(ctx context.Context, _ *task.Run) (task.Result, error) {
			<-ctx.Done()
			return task.Result{}, context.Cause(ctx)
		}, worker.Options{SoftStop: 10 * time.Second})
		synctest.Wait()
		begin := time.Now()
		stop()
		if took := time.Since(begin); took > time.Minute {
			t.Errorf("shutdown took %v", took)
		}
	})
}

// watched is a broker that counts the jobs it is given.
type watched struct {
	broker.Broker
	jobs atomic.Int64
}

func (w *watched) Enqueue(ctx context.Context, job broker.Job) error {
	w.jobs.Add(1)
	return w.Broker.Enqueue(ctx, job)
}

func TestNoRetryOutlivesItsLoop(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		jobs := &watched{Broker: h.broker}
		lost := workerFunc(func(context.Context, *task.Run) (task.Result, error) {
			return task.Result{}, errors.New("lost")
		})
		loop, err := worker.New(h.Manager, jobs, lost, worker.Options{})
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- loop.Run(ctx) }()
		h.send("hi")
		synctest.Wait() // the attempt is lost, and its retry is due in a second
		stop()
		if err := <-ended; err != nil {
			t.Fatal(err)
		}
		before := jobs.jobs.Load()
		time.Sleep(time.Minute)
		if after := jobs.jobs.Load(); after != before {
			t.Errorf("%d jobs were queued after the loop had ended", after-before)
		}
	})
}
