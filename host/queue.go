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

// effect is one queued change of the task.
type effect struct {
	size  int
	apply func(storage.Tx) error
}

// queue keeps effects in the order of the calls until they are committed, in
// groups: a call does not wait for the disk, and followers see only what is durable.
type queue struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
	tasks  Tasks
	opts   Options

	flushing sync.Mutex // held by the flush that runs

	mu      sync.Mutex
	waiting []effect
	size    int
	timer   *time.Timer
	err     error // a flush failed, or the session ended
}

func (q *queue) init(ctx context.Context, tasks Tasks, opts Options) {
	q.ctx, q.cancel = context.WithCancelCause(ctx)
	q.tasks, q.opts = tasks, opts
}

// add queues an effect. When too much is queued already it waits for the disk.
func (q *queue) add(e effect) error {
	q.mu.Lock()
	if q.err != nil {
		defer q.mu.Unlock()
		return q.err
	}
	e.size += effectOverhead
	q.waiting = append(q.waiting, e)
	q.size += e.size
	full := q.size >= maxQueued
	q.arm()
	q.mu.Unlock()
	if full {
		return q.flush(q.ctx)
	}
	return nil
}

// arm makes sure that a flush comes: soon, or at once when a group is full.
// It is called with mu held.
func (q *queue) arm() {
	switch {
	case q.timer == nil:
		q.timer = time.AfterFunc(q.opts.FlushAfter, q.background)
	case len(q.waiting) == 1:
		q.timer.Reset(q.opts.FlushAfter)
	}
	if q.size >= q.opts.FlushBytes {
		q.timer.Reset(0)
	}
}

func (q *queue) background() { _ = q.flush(q.ctx) } // the next call gets the error

// flush commits what is queued, and waits for a flush that runs.
func (q *queue) flush(ctx context.Context) error {
	q.flushing.Lock()
	defer q.flushing.Unlock()
	for {
		group, err := q.take()
		if err != nil || len(group) == 0 {
			return err
		}
		if err := q.commit(ctx, group); err != nil {
			q.fail(err)
			return err
		}
	}
}

// take removes as many effects as fit into one update.
func (q *queue) take() ([]effect, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.err != nil && !errors.Is(q.err, errEnded) {
		return nil, q.err
	}
	n, size := 0, 0
	for n < len(q.waiting) && n < maxFlushCount && (n == 0 || size+q.waiting[n].size <= maxFlushBytes) {
		size += q.waiting[n].size
		n++
	}
	group := q.waiting[:n:n]
	q.waiting = q.waiting[n:]
	q.size -= size
	return group, nil
}

func (q *queue) commit(ctx context.Context, group []effect) error {
	return q.tasks.Update(ctx, func(tx storage.Tx) error {
		for _, e := range group {
			if err := e.apply(tx); err != nil {
				return err
			}
		}
		return nil
	})
}

// fail ends the session: effects that are lost in the middle must not be followed by others.
func (q *queue) fail(err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.err == nil {
		q.err = err
	}
	q.waiting, q.size = nil, 0
	q.cancel(err)
}

// end flushes and refuses what comes later.
func (q *queue) end() error {
	q.mu.Lock()
	ended := q.err != nil
	if q.err == nil {
		q.err = errEnded
	}
	if q.timer != nil {
		q.timer.Stop()
	}
	err := q.err
	q.mu.Unlock()
	if ended {
		if errors.Is(err, errEnded) {
			return nil
		}
		return err
	}
	defer q.cancel(errEnded)
	if err := context.Cause(q.ctx); err != nil {
		return err
	}
	return q.flush(q.ctx)
}
