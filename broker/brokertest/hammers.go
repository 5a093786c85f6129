package brokertest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/carrelhq/carrel/broker"
	"golang.org/x/sync/errgroup"
)

var hammers = []behaviour{
	{"no job is lost between many writers and readers that give up", hammerQueue},
	{"no reader sleeps beside a queued job", hammerSleepers},
	{"no follower misses the last of many concurrent notifications", hammerWakeUps},
	{"Close beside every other call ends them all", hammerClose},
}

func hammerQueue(t *testing.T, b broker.Broker) {
	const tenants, each, readers = 8, 200, 8
	l := &ledger{pending: make(map[broker.Job]bool), settled: make(chan struct{})}
	for i := range tenants {
		l.expect(jobsOf(fmt.Sprintf("tenant%d", i), each))
	}
	ctx, cancel := context.WithCancel(t.Context())
	var g errgroup.Group
	for i := range tenants {
		g.Go(func() error { return enqueueAll(ctx, b, jobsOf(fmt.Sprintf("tenant%d", i), each)) })
	}
	for i := range readers {
		g.Go(func() error { return l.read(ctx, b, i) })
	}
	select {
	case <-l.settled:
	case <-time.After(patience):
		t.Errorf("%d of %d jobs never came", l.missing(), tenants*each)
	}
	cancel()
	within(t, "Dequeue whose context has ended", g.Wait)
}

// ledger remembers which of the expected jobs have not come yet.
type ledger struct {
	settled chan struct{} // closed when the last has come

	mu      sync.Mutex
	pending map[broker.Job]bool // every expected job, true until it has come
	left    int
}

func (l *ledger) expect(jobs []broker.Job) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, job := range jobs {
		l.pending[job] = true
	}
	l.left += len(jobs)
}

// taken says whether job was expected at all; it may come more than once.
func (l *ledger) taken(job broker.Job) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	first, expected := l.pending[job]
	if first {
		l.pending[job] = false
		if l.left--; l.left == 0 {
			close(l.settled)
		}
	}
	return expected
}

func (l *ledger) missing() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.left
}

// read takes jobs until ctx ends, with little patience in between.
func (l *ledger) read(ctx context.Context, b broker.Broker, n int) error {
	for ; ctx.Err() == nil; n++ {
		job, err := impatientDequeue(ctx, b, n)
		if errors.Is(err, context.Canceled) {
			continue
		}
		if err != nil {
			return err
		}
		if !l.taken(job) {
			return fmt.Errorf("%v was never enqueued", job)
		}
	}
	return nil
}

// impatientDequeue gives up at once, soon, or not at all, by n.
func impatientDequeue(ctx context.Context, b broker.Broker, n int) (broker.Job, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	switch n % 3 {
	case 0:
		go cancel()
	case 1:
		defer time.AfterFunc(time.Millisecond, cancel).Stop()
	}
	return b.Dequeue(ctx)
}

// hammerSleepers lets each of a few readers take one job per round, just while
// that many are enqueued: a wake-up that reaches too few of them leaves one asleep.
func hammerSleepers(t *testing.T, b broker.Broker) {
	const rounds, readers = 1000, 3
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	begin, taken := make(chan struct{}), make(chan struct{}, readers)
	for range readers {
		go func() {
			for range begin {
				if _, err := b.Dequeue(ctx); err != nil {
					return
				}
				taken <- struct{}{}
			}
		}()
	}
	defer close(begin)
	for round := range rounds {
		for range readers {
			begin <- struct{}{}
		}
		for _, job := range jobsOf("acme", readers) {
			b.Enqueue(ctx, job)
		}
		for i := range readers {
			select {
			case <-taken:
			case <-time.After(patience):
				t.Fatalf("round %d: %d readers sleep beside a queued job", round, readers-i)
			}
		}
	}
}

// hammerWakeUps holds what followers of an event log rely on: the news are
// stored before they are announced, so one wake-up after the last is enough.
func hammerWakeUps(t *testing.T, b broker.Broker) {
	const topics, writers, events, followers = 4, 3, 100, 20
	var stored [topics]atomic.Int64
	var g errgroup.Group
	for i := range topics {
		topic := fmt.Sprintf("task/%d", i)
		for range followers {
			g.Go(func() error { return follow(b, topic, &stored[i], writers*events) })
		}
		for range writers {
			g.Go(func() error {
				for range events {
					stored[i].Add(1)
					b.Notify(topic)
				}
				return nil
			})
		}
	}
	if err := g.Wait(); err != nil {
		t.Error(err)
	}
}

// follow returns when it has read the last event. It registers anew now and then.
func follow(b broker.Broker, topic string, stored *atomic.Int64, last int64) error {
	for stored.Load() < last {
		if err := followFor(b, topic, stored, last, 10); err != nil {
			return err
		}
	}
	return nil
}

func followFor(b broker.Broker, topic string, stored *atomic.Int64, last int64, wakeUps int) error {
	wake, stop := b.Watch(topic)
	defer stop()
	for range wakeUps {
		if stored.Load() == last {
			return nil
		}
		select {
		case <-wake:
		case <-time.After(patience):
			return fmt.Errorf("a follower of %s was not woken for the last event", topic)
		}
	}
	return nil
}

func hammerClose(t *testing.T, b broker.Broker) {
	var g errgroup.Group
	for i := range 8 {
		tenant := fmt.Sprintf("tenant%d", i)
		g.Go(func() error { return enqueueUntilClosed(t.Context(), b, tenant) })
		g.Go(func() error {
			for {
				_, stop := b.Watch(tenant)
				_, err := b.Dequeue(t.Context())
				stop()
				if errors.Is(err, broker.ErrClosed) {
					return nil
				}
				if err != nil {
					return err
				}
			}
		})
	}
	within(t, "some call beside Close", g.Wait)
}

// enqueueUntilClosed closes the broker itself once all of them are well under way.
func enqueueUntilClosed(ctx context.Context, b broker.Broker, tenant string) error {
	for n := range 300 {
		if n == 200 {
			b.Close()
		}
		if err := b.Enqueue(ctx, broker.Job{Tenant: tenant, TaskID: fmt.Sprint(n)}); err != nil {
			return nil
		}
		b.Notify(tenant)
	}
	return errors.New("no error from Enqueue after Close")
}
