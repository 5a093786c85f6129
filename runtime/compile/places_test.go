package compile

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestWaitingAndCompilingHaveABoundEach(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const limit = time.Minute
		places := NewPlaces(1, 9).Line("a")
		slow := func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
		first := make(chan error, 1)
		go func() { first <- places.Within(t.Context(), limit, slow) }()
		synctest.Wait()
		time.Sleep(limit / 2)
		begin := time.Now()
		if err := places.Within(t.Context(), limit, slow); !errors.Is(err, ErrTime) {
			t.Errorf("got %v, want that it was too slow by itself", err)
		}
		if took := time.Since(begin); took != limit/2+limit {
			t.Errorf("waiting and compiling took %s", took)
		}
		if err := <-first; !errors.Is(err, ErrTime) {
			t.Errorf("the first: got %v", err)
		}
		for range 2 { // the second waits for ever
			go places.Within(t.Context(), time.Hour, slow)
			synctest.Wait()
		}
		if err := places.Within(t.Context(), limit, slow); !errors.Is(err, ErrBusy) {
			t.Errorf("without a place: got %v", err)
		}
	})
}

func TestATenantLeavesAPlaceToOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const limit = time.Minute
		places := NewPlaces(2, 2)
		slow := func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
		var busy atomic.Int32
		for range 4 { // one compiles, two wait
			go func() {
				if errors.Is(places.Line("greedy").Within(t.Context(), limit, slow), ErrBusy) {
					busy.Add(1)
				}
			}()
		}
		synctest.Wait()
		if busy.Load() != 1 {
			t.Errorf("%d were turned away at once, want the one that was too many", busy.Load())
		}
		begin := time.Now()
		if err := places.Line("other").Within(t.Context(), limit, func(context.Context) error { return nil }); err != nil || time.Since(begin) != 0 {
			t.Errorf("another tenant: %v after %s", err, time.Since(begin))
		}
		time.Sleep(3 * limit)
	})
}

func TestOneAtATimeWorksOnAKey(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var k keyed
		var inside, most atomic.Int32
		for range 8 {
			go func() {
				unlock, err := k.lock(t.Context(), "a")
				if err != nil {
					t.Error(err)
					return
				}
				most.Store(max(most.Load(), inside.Add(1)))
				time.Sleep(time.Second)
				inside.Add(-1)
				unlock()
			}()
		}
		synctest.Wait()
		if unlock, err := k.lock(t.Context(), "b"); err != nil {
			t.Errorf("another key: %v", err)
		} else {
			unlock()
		}
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second/2, errors.New("enough"))
		defer cancel()
		if _, err := k.lock(ctx, "a"); err == nil || err.Error() != "enough" {
			t.Errorf("who leaves while waiting: got %v", err)
		}
		time.Sleep(time.Minute)
		k.mu.Lock()
		defer k.mu.Unlock()
		if most.Load() != 1 || len(k.busy) != 0 {
			t.Errorf("%d at a time, %d keys are left", most.Load(), len(k.busy))
		}
	})
}
