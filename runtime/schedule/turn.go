package schedule

import (
	"context"
	"time"
)

// Turn is a guest's place in the schedule. It is used by one goroutine.
type Turn struct {
	s       *Scheduler
	of      *tenant
	granted chan struct{} // closed when a waiting turn gets a slot
	since   time.Duration // when it began to wait
	waited  time.Duration // that time
	began   time.Duration // of the slice
	had     time.Duration // of the slice, before it paused
	early   bool          // it goes before those of its tenant that did not pause in their slice
	running bool          // it has a slot; changed with s.mu held
	left    bool
	given   int // slots that were given on because a slice was over
}

// Given returns how often the turn gave its slot to others because its slice was over.
func (t *Turn) Given() int { return t.given }

// Waited returns how long the turn waited for the slot it has, 0 when one was free.
func (t *Turn) Waited() time.Duration { return t.waited }

// wait waits for the slot that the turn was queued for. It is called with s.mu
// held and returns without.
func (t *Turn) wait(ctx context.Context, granted bool) error {
	s := t.s
	s.mu.Unlock()
	if granted {
		return nil
	}
	select {
	case <-t.granted:
		return nil
	case <-ctx.Done():
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.withdraw(t) // or it got its slot at the same moment, and gives it back when it leaves
	return context.Cause(ctx)
}

// Check is for a guest to call every tenth of a millisecond or so. When its slice
// is over and others wait, it gives its slot to the next and waits for another;
// else the operating system may run threads that wait for the core.
// It returns the cause of ctx when that has ended: then the guest has no more
// business on the CPU, and may have lost its slot. It does nothing on a turn that
// has none.
func (t *Turn) Check(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if t.Due() {
		return t.endSlice(ctx)
	}
	letThreadsRun()
	return nil
}

// Due reports whether the slice is over, so that Check may wait.
func (t *Turn) Due() bool { return t.had+t.s.now()-t.began >= t.s.slice }

// endSlice begins another slice, now or when it is the turn's turn again.
func (t *Turn) endSlice(ctx context.Context) error {
	s := t.s
	s.mu.Lock()
	if !t.running {
		s.mu.Unlock()
		return nil
	}
	s.charge(t)
	t.had, t.early = 0, false
	if s.waiting == 0 {
		s.begin(t)
		s.mu.Unlock()
		letThreadsRun()
		return nil
	}
	s.stats.Slices++
	t.given++
	s.enqueue(t) // before it stops, so that it goes on where its tenant is next all the same
	s.stop(t)
	return t.wait(ctx, false)
}

// Pause gives the slot up for a wait that takes no CPU. It does nothing on a turn
// that has none.
func (t *Turn) Pause() {
	s := t.s
	s.mu.Lock()
	defer s.mu.Unlock()
	if t.running {
		t.had += s.now() - t.began
		s.charge(t)
		s.stop(t)
	}
}

// Resume waits for a slot after Pause. A turn that paused in its slice goes before
// the others of its tenant until it has had the whole slice, so a guest that
// waits often is not sent to the end each time, and gets no more than a slice for
// it. The error is the cause of ctx.
func (t *Turn) Resume(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	s := t.s
	s.mu.Lock()
	if t.running || t.left {
		s.mu.Unlock()
		return nil
	}
	if t.early = t.had < s.slice; !t.early {
		t.had = 0
	}
	return t.wait(ctx, s.take(t))
}

// Leave ends the turn. It may be called twice.
func (t *Turn) Leave() {
	s := t.s
	s.mu.Lock()
	defer s.mu.Unlock()
	if t.left {
		return
	}
	t.left = true
	if t.running {
		s.charge(t)
		s.stop(t)
	}
	s.leave(t.of)
}
