package broker

import (
	"context"
	"sync"
)

// New returns the in-process broker: a queue without a bound and wake-ups as
// buffered channels. It starts no goroutine. Its Enqueue needs no ctx to end,
// because it never waits; so a job that is in storage is announced even when
// the request that brought it has gone. A job that is queued already is merged.
func New() Broker {
	return &inProcess{
		lanes:  lanes{byTenant: make(map[string]*lane)},
		ready:  make(chan struct{}, 1),
		closed: make(chan struct{}),
		topics: topics{watchers: make(map[string][]*watcher)},
	}
}

type inProcess struct {
	ready  chan struct{} // readable when there may be a job
	closed chan struct{}
	topics topics

	mu    sync.Mutex
	lanes lanes
}

func (b *inProcess) Enqueue(_ context.Context, job Job) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.isClosed() {
		return ErrClosed
	}
	b.lanes.push(job)
	wake(b.ready)
	return nil
}

func (b *inProcess) Dequeue(ctx context.Context) (Job, error) {
	if ctx.Err() != nil {
		return Job{}, context.Cause(ctx)
	}
	for {
		job, ok, err := b.take()
		if ok || err != nil {
			return job, err
		}
		// Whoever takes ready goes on to take a job, whatever ctx says by then: a
		// wake-up dropped here would leave another reader asleep beside a job.
		select {
		case <-b.ready:
		case <-b.closed:
		case <-ctx.Done():
			return Job{}, context.Cause(ctx)
		}
	}
}

// take removes the next job. It passes the wake-up on while jobs are left, so
// one buffered wake-up reaches as many readers as there are jobs.
func (b *inProcess) take() (job Job, ok bool, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.isClosed() {
		return Job{}, false, ErrClosed
	}
	job, ok = b.lanes.pop()
	if !b.lanes.empty() {
		wake(b.ready)
	}
	return job, ok, nil
}

func (b *inProcess) Notify(topic string) { b.topics.notify(topic) }

func (b *inProcess) Watch(topic string) (<-chan struct{}, func()) { return b.topics.watch(topic) }

func (b *inProcess) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.isClosed() {
		close(b.closed)
	}
	return nil
}

func (b *inProcess) isClosed() bool {
	select {
	case <-b.closed:
		return true
	default:
		return false
	}
}

// wake makes c, a channel of capacity one, readable. It never blocks.
func wake(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
