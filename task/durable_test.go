package task_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"

	"github.com/carrelhq/carrel/storage"
	"github.com/carrelhq/carrel/storage/storagetest"
	"github.com/carrelhq/carrel/task"
)

// slowDisk is a store whose later updates are durable when synced is closed.
// While it waits, its views show what was there before.
type slowDisk struct {
	storage.DB
	past   storage.DB // what views show until then
	synced chan struct{}
	fails  error
}

func newSlowDisk() *slowDisk {
	return &slowDisk{DB: storagetest.Memory(), past: storagetest.Memory(), synced: make(chan struct{})}
}

func (d *slowDisk) UpdateLater(ctx context.Context, fn func(storage.Tx) error) (func() error, error) {
	wait := func() error {
		<-d.synced
		return d.fails
	}
	return wait, d.DB.Update(ctx, fn)
}

func (d *slowDisk) Update(ctx context.Context, fn func(storage.Tx) error) error {
	wait, err := d.UpdateLater(ctx, fn)
	if err != nil {
		return err
	}
	return wait()
}

func (d *slowDisk) View(ctx context.Context, fn func(storage.Tx) error) error {
	select {
	case <-d.synced:
		return d.DB.View(ctx, fn)
	default:
		return d.past.View(ctx, fn)
	}
}

// onSlowDisk makes a house that has an agent already when the disk gets slow.
func onSlowDisk(t *testing.T) (*house, *slowDisk) {
	disk := newSlowDisk()
	newHouse(t, disk.DB, task.Options{})
	h := newHouse(t, disk.past, task.Options{}) // its agents are in the past, too
	slow, err := task.NewManager(disk, h.broker, h.agents, task.Options{})
	if err != nil {
		t.Fatal(err)
	}
	h.Manager, h.db = slow, disk
	return h, disk
}

func TestARunMayBeginBeforeTheDiskHasItsTask(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, disk := onSlowDisk(t)
		answer := make(chan *a2apb.Task, 1)
		go func() {
			got, err := h.SendAndAwait(t.Context(), bot, task.Once{}, &a2apb.SendMessageRequest{Message: message("hi")})
			if err != nil {
				t.Error(err)
			}
			answer <- got.GetTask()
		}()
		run := h.claim()

		reads := make(chan error, 2)
		go func() { _, err := run.Task(t.Context()); reads <- err }()
		go func() { _, _, err := run.LoadContext(t.Context()); reads <- err }()
		finished := make(chan error, 1)
		go func() {
			finished <- h.Finish(t.Context(), run, task.Result{Artifacts: []*a2apb.Artifact{artifact("a", "done")}})
		}()
		synctest.Wait()
		select {
		case <-finished:
			t.Error("the run has ended before its end is durable")
		case <-answer:
			t.Error("the answer came before the task was durable")
		case err := <-reads:
			t.Errorf("the run reads before its task is durable, and gets %v", err)
		default:
		}

		close(disk.synced)
		for _, err := range []error{<-reads, <-reads, <-finished} {
			if err != nil {
				t.Error(err)
			}
		}
		if got := <-answer; got.Status.State != completed || len(got.Artifacts) != 1 || len(got.History) != 1 {
			t.Errorf("got %v", got)
		}
	})
}

func TestATaskThatTheDiskRefusesIsNotThere(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, disk := onSlowDisk(t)
		disk.fails = storage.ErrReadOnly
		refused := make(chan error, 1)
		go func() {
			_, err := h.Send(t.Context(), bot, &a2apb.SendMessageRequest{Message: message("hi")})
			refused <- err
		}()
		run := h.claim()
		close(disk.synced)
		if err := <-refused; !errors.Is(err, storage.ErrReadOnly) {
			t.Errorf("Send = %v, want ErrReadOnly", err)
		}
		if err := h.Finish(t.Context(), run, task.Result{}); !errors.Is(err, storage.ErrReadOnly) {
			t.Errorf("Finish = %v, want ErrReadOnly", err)
		}
	})
}

// TestAFollowerSeesWhatAnotherProcessWrites has two managers on one store and one broker.
func TestAFollowerSeesWhatAnotherProcessWrites(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, storagetest.Memory(), task.Options{Shared: true})
		other, err := task.NewManager(h.db, h.broker, h.agents, task.Options{Shared: true})
		if err != nil {
			t.Fatal(err)
		}
		a := h.send("hi", "")
		seen := make(chan task.Event, 10)
		go func() {
			defer close(seen)
			for e, err := range other.Log().Follow(t.Context(), bot, a.TaskID, 0) {
				if err != nil {
					t.Error(err)
				}
				seen <- e
			}
		}()
		<-seen
		job, err := h.broker.Dequeue(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		run, err := other.Claim(t.Context(), job)
		if err != nil || run == nil {
			t.Fatalf("claim: %v, %v", run, err)
		}
		if err := run.Status(t.Context(), message("half way")); err != nil {
			t.Fatal(err)
		}
		synctest.Wait() // the follower waits for more, and remembers what its process wrote
		if _, err := h.Cancel(t.Context(), bot, a.TaskID); err != nil {
			t.Fatal(err)
		}
		last := task.Event{}
		for e := range seen {
			last = e
		}
		if last.State != canceled {
			t.Errorf("the last event is %v", last)
		}
	})
}

func TestABlockingMessageIsAnsweredByAnotherProcess(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, storagetest.Memory(), task.Options{Shared: true})
		other, err := task.NewManager(h.db, h.broker, h.agents, task.Options{Shared: true})
		if err != nil {
			t.Fatal(err)
		}
		got := make(chan *a2apb.Task, 1)
		go func() {
			ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
			defer cancel()
			tk, err := h.SendAndAwait(ctx, bot, task.Once{}, &a2apb.SendMessageRequest{Message: message("hi")})
			if err != nil {
				t.Error(err)
			}
			got <- tk.GetTask()
		}()
		begin := time.Now()
		job, err := h.broker.Dequeue(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		run, err := other.Claim(t.Context(), job)
		if err != nil || run == nil {
			t.Fatal(run, err)
		}
		if err := other.Finish(t.Context(), run, task.Result{Artifacts: []*a2apb.Artifact{artifact("a", "done")}}); err != nil {
			t.Fatal(err)
		}
		tk := <-got
		if tk.Status.State != completed || time.Since(begin) > time.Minute {
			t.Errorf("after %v: %v", time.Since(begin), tk.Status)
		}
	})
}
