package host

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/carrelhq/carrel/storage"
)

// Bounds of what is queued and of one update.
const (
	maxQueued      = 1 << 20
	maxFlushBytes  = 512 << 10
	maxFlushCount  = 1000
	effectOverhead = 256 // what an effect takes in the store beside its payload
)

// errEnded is what a call gets after End.
var errEnded = errors.New("host: the session has ended")

// queue keeps effects in the order of the calls until they are committed, in
// groups: a call does not wait for the disk, and followers see only what is durable.
type queue struct {
	ctx    context.Context
	tasks  Tasks
	opts   Options
	ending sync.Once
	aside  func(wait func() error) error

	flushing sync.Mutex // held by the flush that runs

	mu      sync.Mutex
	waiting []Effect
	size    int
	timer   *time.Timer
	armed   bool // a flush will come
	hurried bool // it will come at once
	due     bool // it waits for one that runs
	ended   bool
	err     error // of the flush that failed
}

func (q *queue) init(ctx context.Context, tasks Tasks, opts Options) {
	q.ctx, q.tasks, q.opts, q.aside = ctx, tasks, opts, atOnce
}

// add queues an effect. When too much is queued already it waits for the disk.
func (q *queue) add(e Effect) error {
	e.Size += effectOverhead
	q.mu.Lock()
	if err := q.over(); err != nil {
		q.mu.Unlock()
		return err
	}
	q.waiting = append(q.waiting, e)
	q.size += e.Size
	full := q.size >= maxQueued
	q.arm()
	q.mu.Unlock()
	if full {
		return q.aside(q.flush)
	}
	return nil
}

// over tells why nothing can be queued any more. It is called with mu held.
func (q *queue) over() error {
	if q.err == nil && q.ended {
		return errEnded
	}
	return q.err
}

// arm makes sure that a flush comes: soon, or at once when a group is full. It is
// called with mu held.
func (q *queue) arm() {
	after := q.opts.FlushAfter
	if q.size >= q.opts.FlushBytes {
		after = 0
	}
	switch {
	case q.timer == nil:
		q.timer = time.AfterFunc(after, q.background)
	case !q.armed || after == 0 && !q.hurried:
		q.timer.Reset(after)
	}
	q.armed, q.hurried = true, q.hurried || after == 0
}

// background commits one group. What is queued meanwhile has a flush of its own to
// come: a guest that emits without a pause has its effects committed at the pace of
// FlushAfter, or when a group is full, and not as often as the disk is able to.
func (q *queue) background() {
	if !q.stand() {
		return
	}
	q.flushing.Lock()
	defer q.flushing.Unlock()
	_, _ = q.step() // the next call gets the error
}

// stand makes the caller the one flush that waits for one that runs; false says that
// there is one.
func (q *queue) stand() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	first := !q.due
	q.due = true
	return first
}

// flush commits what is queued, after a flush that runs already.
func (q *queue) flush() error {
	q.flushing.Lock()
	defer q.flushing.Unlock()
	for {
		if more, err := q.step(); err != nil || !more {
			return err
		}
	}
}

// step commits a group and reports whether there was one. It is called with flushing held.
func (q *queue) step() (some bool, err error) {
	group, err := q.take()
	if err != nil || len(group) == 0 {
		return false, err
	}
	if err := q.commit(group); err != nil {
		q.fail(err)
		return false, err
	}
	return true, nil
}

// take removes as many effects as fit into one update.
func (q *queue) take() ([]Effect, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.armed, q.hurried, q.due = false, false, false
	if q.err != nil {
		return nil, q.err
	}
	n, size := 0, 0
	for n < len(q.waiting) && n < maxFlushCount && (n == 0 || size+q.waiting[n].Size <= maxFlushBytes) {
		size += q.waiting[n].Size
		n++
	}
	group := q.waiting[:n:n]
	if q.waiting = q.waiting[n:]; len(q.waiting) == 0 {
		q.waiting = nil // so that the array does not keep what is committed
	}
	if q.size -= size; q.size > 0 {
		q.arm() // what was left over came before the timer's flush, and has no other
	}
	return group, nil
}

func (q *queue) commit(group []Effect) error {
	err := q.tasks.Update(q.ctx, func(tx storage.Tx) error {
		for _, e := range group {
			if err := e.Apply(tx); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil && q.ctx.Err() != nil {
		return context.Cause(q.ctx)
	}
	return err
}

// fail ends the session: effects that are lost in the middle must not be followed by others.
func (q *queue) fail(err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.err = err
	q.waiting, q.size = nil, 0
}

// end commits what is queued unless the context has ended, and refuses what comes
// later. No update runs when it returns. No more than most bytes are not committed,
// but returned.
func (q *queue) end(most int) (rest []Effect, err error) {
	q.ending.Do(func() {
		q.mu.Lock()
		q.ended = true
		q.mu.Unlock()
		if q.ctx.Err() != nil {
			q.flushing.Lock()
			q.fail(context.Cause(q.ctx))
			q.flushing.Unlock()
		}
		rest = q.little(most)
		_ = q.flush() // its error stays
		q.mu.Lock()
		if q.timer != nil {
			q.timer.Stop()
		}
		q.mu.Unlock()
	})
	q.mu.Lock()
	defer q.mu.Unlock()
	return rest, q.err
}

// little takes what is queued, after a flush that runs, if that is no more than most
// bytes.
func (q *queue) little(most int) []Effect {
	q.flushing.Lock()
	defer q.flushing.Unlock()
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.size > most {
		return nil
	}
	rest := q.waiting
	q.waiting, q.size = nil, 0
	return rest
}
