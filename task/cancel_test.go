package task_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"github.com/carrelhq/carrel/task"
)

// TestConcurrentCancelsShareOneOutcome has a disk that takes its time, so that
// the cancels come while the first one is under way, and the first caller not
// wait for it.
func TestConcurrentCancelsShareOneOutcome(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		finish bool
		want   error
	}{
		"of a task that is not finished": {false, nil},
		"of one that is":                 {true, task.ErrTaskNotCancelable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				h := memoryHouse(t)
				id := h.send("hi", "").TaskID
				want := "1:task 2:canceled"
				if test.finish {
					h.finish(h.claim(), task.Result{})
					want = summary(h.follow(id, 0))
				}
				for _, err := range h.cancelAtOnce(id) {
					if !errors.Is(err, test.want) {
						t.Errorf("got %v, want %v", err, test.want)
					}
				}
				if _, err := h.Cancel(t.Context(), bot, id); !errors.Is(err, task.ErrTaskNotCancelable) {
					t.Errorf("a cancel that comes later: got %v", err)
				}
				if got := summary(h.follow(id, 0)); got != want {
					t.Errorf("got %s, want %s", got, want)
				}
			})
		})
	}
}

// cancelAtOnce has eight callers cancel a task at a time, the first of whom is
// gone before the disk has it, and returns what the others get.
func (h *house) cancelAtOnce(id string) (errs []error) {
	disk := &slowDisk{DB: h.db, past: h.db, synced: make(chan struct{})}
	m, err := task.NewManager(disk, h.broker, h.agents, task.Options{})
	if err != nil {
		h.t.Fatal(err)
	}
	first, gone := context.WithCancel(h.t.Context())
	go m.Cancel(first, bot, id)
	synctest.Wait()
	answers := make(chan error)
	for range 7 {
		go func() {
			got, err := m.Cancel(h.t.Context(), bot, id)
			if err == nil && got.Status.State != canceled {
				err = errors.New("it is not canceled")
			}
			answers <- err
		}()
	}
	synctest.Wait()
	gone()
	close(disk.synced)
	for range 7 {
		errs = append(errs, <-answers)
	}
	return errs
}
