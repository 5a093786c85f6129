package task_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"

	"github.com/carrelhq/carrel/storage"
	"github.com/carrelhq/carrel/task"
)

func TestAnEchoTaskHasFourEvents(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := memoryHouse(t)
		a := h.send("hi", "")
		h.finish(h.claim(), task.Result{Artifacts: []*a2apb.Artifact{artifact("a", "hi")}})
		if got, want := summary(h.follow(a.TaskID, 0)), "1:task 2:working 3:artifact 4:completed"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		if got := h.get(a.TaskID); artifacts(got) != "a=hi" || history(got) != "hi" || got.Status.State != completed {
			t.Errorf("got %v", got)
		}
	})
}

// TestFollowersSeeEveryEventOnceAndInOrder has followers join, break off and
// resume at random while a run emits chunks.
func TestFollowersSeeEveryEventOnceAndInOrder(t *testing.T) {
	t.Parallel()
	const chunks, followers = 300, 16
	h := memoryHouse(t)
	a := h.send("go", "")
	run := h.claim()
	var wg sync.WaitGroup
	for range followers {
		wg.Go(func() {
			seq, final := uint64(0), 0
			for final == 0 {
				for e, err := range h.Log().Follow(t.Context(), bot, a.TaskID, seq) {
					if err != nil {
						t.Error(err)
						return
					}
					if e.Seq != seq+1 {
						t.Errorf("event %d after %d", e.Seq, seq)
						return
					}
					seq = e.Seq
					if task.Terminal(e.State) {
						final++
					}
					if rand.IntN(20) == 0 {
						break // and resume from here
					}
				}
			}
		})
	}
	for i := range chunks {
		if err := run.Artifact(t.Context(), chunk("a", strconv.Itoa(i%10), i > 0)); err != nil {
			t.Fatal(err)
		}
	}
	h.finish(run, task.Result{})
	wg.Wait()
	if got := len(h.follow(a.TaskID, 0)); got != chunks+3 {
		t.Errorf("%d events, want %d", got, chunks+3)
	}
	if got := h.get(a.TaskID); len(got.Artifacts[0].Parts) != chunks {
		t.Errorf("%d parts, want %d", len(got.Artifacts[0].Parts), chunks)
	}
}

// TestNoEventIsMissedBetweenReadAndWait lets a follower go to sleep again and
// again, each time waiting for just the next event.
func TestNoEventIsMissedBetweenReadAndWait(t *testing.T) {
	t.Parallel()
	h := memoryHouse(t)
	for range 50 {
		a := h.send("go", "")
		run := h.claim()
		seen := make(chan struct{})
		go func() {
			defer close(seen)
			for e, err := range h.Log().Follow(t.Context(), bot, a.TaskID, 1) {
				if err != nil {
					t.Error(err)
				}
				_ = e
			}
		}()
		h.finish(run, task.Result{})
		<-seen
	}
}

func TestAFollowerThatWaitsIsWoken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := memoryHouse(t)
		a := h.send("go", "")
		run := h.claim()
		got := make(chan string, 1)
		go func() { got <- summary(h.follow(a.TaskID, 1)) }()
		synctest.Wait() // the follower is asleep
		h.finish(run, task.Result{})
		if events := <-got; events != "2:working 3:completed" {
			t.Errorf("got %s", events)
		}
	})
}

func TestFollowingEndsWithItsContext(t *testing.T) {
	t.Parallel()
	h := memoryHouse(t)
	a := h.send("go", "")
	cause := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	for e, err := range h.Log().Follow(ctx, bot, a.TaskID, 0) {
		if err == nil {
			cancel(cause) // after event 1 there is nothing more
			continue
		}
		if !errors.Is(err, cause) {
			t.Errorf("event %d: got %v, want %v", e.Seq, err, cause)
		}
	}
}

func TestFollowingFromAheadOfTheLogIsRefused(t *testing.T) {
	t.Parallel()
	h := memoryHouse(t)
	a := h.send("go", "")
	for _, err := range h.Log().Follow(t.Context(), bot, a.TaskID, 7) {
		if !errors.Is(err, task.ErrEventsPurged) {
			t.Errorf("got %v, want ErrEventsPurged", err)
		}
	}
}

func TestASnapshotAndWhatFollowsFit(t *testing.T) {
	t.Parallel()
	h := memoryHouse(t)
	a := h.send("go", "")
	run := h.claim()
	for i := range 5 {
		if err := run.Artifact(t.Context(), chunk("a", strconv.Itoa(i), i > 0)); err != nil {
			t.Fatal(err)
		}
	}
	snapshot, seq, err := h.Log().Snapshot(t.Context(), bot, a.TaskID)
	if err != nil || artifacts(snapshot) != "a=01234" {
		t.Fatalf("got %v, %v", snapshot, err)
	}
	h.finish(run, task.Result{Artifacts: []*a2apb.Artifact{artifact("b", "x")}})
	if got, want := summary(h.follow(a.TaskID, seq)), fmt.Sprintf("%d:artifact %d:completed", seq+1, seq+2); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestAnEventIsEncodedOnceForAll(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := memoryHouse(t)
		a := h.send("go", "")
		run := h.claim()
		var mu sync.Mutex
		encoded := map[uint64]int{}
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				for e, err := range h.Log().Follow(t.Context(), bot, a.TaskID, 1) {
					if err != nil {
						t.Error(err)
						return
					}
					_, _ = e.Encoded("x", func(*a2apb.StreamResponse) ([]byte, error) {
						mu.Lock()
						defer mu.Unlock()
						encoded[e.Seq]++
						return []byte("x"), nil
					})
				}
			})
		}
		synctest.Wait() // all wait
		h.finish(run, task.Result{})
		wg.Wait()
		if encoded[2] != 1 || encoded[3] != 1 {
			t.Errorf("encodings by event: %v, want one each", encoded)
		}
	})
}

// TestFollowTellsWhatElseIsAtHand has More count what clients see: behind the last of
// those may be messages, after which there is a wait.
func TestFollowTellsWhatElseIsAtHand(t *testing.T) {
	t.Parallel()
	h := memoryHouse(t)
	a := h.send("go", "")
	run := h.claim()
	err := run.Update(t.Context(), func(tx storage.Tx) error {
		for i := range 100 {
			if err := run.AppendArtifact(tx, chunk("a", "x", i > 0)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	h.reply("and this", a.TaskID)
	for e, err := range h.Log().Follow(t.Context(), bot, a.TaskID, 2) {
		if err != nil {
			t.Fatal(err)
		}
		if want := e.Seq < 102; e.More != want {
			t.Errorf("event %d: got more %t, want %t", e.Seq, e.More, want)
		}
		if e.Seq == 103 {
			break
		}
	}
}
