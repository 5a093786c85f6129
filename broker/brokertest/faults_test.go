package brokertest

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/carrelhq/carrel/broker"
)

// fault makes a broker break one sentence of the contract.
type fault struct {
	name   string
	seed   func(broker.Broker) broker.Broker
	caught string // the behaviour that has to notice
}

var faults = []fault{
	{"lanes do not take turns", oneLane, "a full lane delays another tenant's first job by one job at most"},
	{"lanes do not take turns once they hold jobs", oneLane, "lanes take turns for as long as they hold jobs"},
	{"a tenant that comes back goes first", expressLane, "a lane that ran empty and comes back gets no second turn in a round"},
	{"a lane is a stack", newestFirst, "jobs of a lane come in the order they were enqueued"},
	{"a job comes under another tenant", sharedTenant, "a job comes out as it went in"},
	{"every third job is lost", losesThird, "no job is lost between many writers and readers that give up"},
	{"Enqueue waits for a reader", rendezvous, "Enqueue does not wait for a reader"},
	{"Dequeue does not wait", pollsOnce, "Dequeue waits for a job"},
	{"only one reader at a time waits", oneReader, "every waiting Dequeue gets a job when there are enough"},
	{"a reader sleeps beside a queued job", oneReader, "no reader sleeps beside a queued job"},
	{"Dequeue ignores its context", ignoresContext, "a waiting Dequeue returns the cause of its context"},
	{"Dequeue hides the cause", hidesCause, "a waiting Dequeue returns the cause of its context"},
	{"a cancelled Dequeue loses the job it took", losesOnCancel, "Dequeue with an ended context does not lose a job"},
	{"a cancelled Dequeue takes the next job along", takesAlong, "a Dequeue that gave up does not swallow the next job"},
	{"a job is merged with one that was taken", mergesWithTaken, "a job that is enqueued after it was taken comes again"},
	{"jobs of two tenants are merged", mergesTenants, "the same task id in two tenants is two jobs"},
	{"merging drops both", mergesAway, "a job that is queued twice comes at least once"},
	{"a wake-up is lost when nobody waits", unbuffered, "a Notify after Watch makes wake readable"},
	{"only the first wake-up comes", wakesOnce, "a Notify after a wake-up was taken makes wake readable again"},
	{"a follower sleeps through the last wake-up", wakesOnce, "no follower misses the last of many concurrent notifications"},
	{"wake-ups queue up", buffersMany, "wake-ups that nobody has taken merge into one"},
	{"one watcher takes the wake-up of all", wakesLast, "everyone who watches a topic is woken"},
	{"a topic wakes all that share its prefix", prefixTopics, "a topic wakes only those who watch it"},
	{"Notify waits for slow readers", blocksNotify, "Notify does not wait for a slow reader"},
	{"Notify waits for a watcher", awaitsWatcher, "Notify without a watcher does nothing"},
	{"stop keeps the registration", stopsNothing, "stop ends one registration and no other"},
	{"stop ends all registrations of the topic", stopsAll, "stop ends one registration and no other"},
	{"stop closes wake", stopCloses, "stop does not close wake"},
	{"a second stop ends another registration", stopsByTopic, "a second stop does nothing"},
	{"every watcher costs a goroutine", forwards, "watching costs no goroutine"},
	{"Close leaves a waiting Dequeue asleep", closeWakesNobody, "Close wakes every waiting Dequeue with ErrClosed"},
	{"jobs are taken and given after Close", closeDoesNothing, "Enqueue and Dequeue after Close return ErrClosed"},
	{"work goes on beside Close", closeDoesNothing, "Close beside every other call ends them all"},
	{"Close wakes those who watch", closeWakesWatchers, "Notify, Watch and stop after Close do nothing"},
	{"a second Close fails", closesOnce, "Close may be called twice"},
}

// faulty overrides what a fault changes and passes the rest on.
type faulty struct {
	broker.Broker
	enqueue func(context.Context, broker.Job) error
	dequeue func(context.Context) (broker.Job, error)
	notify  func(string)
	watch   func(string) (<-chan struct{}, func())
	close   func() error
}

func (f *faulty) Enqueue(ctx context.Context, job broker.Job) error {
	if f.enqueue != nil {
		return f.enqueue(ctx, job)
	}
	return f.Broker.Enqueue(ctx, job)
}

func (f *faulty) Dequeue(ctx context.Context) (broker.Job, error) {
	if f.dequeue != nil {
		return f.dequeue(ctx)
	}
	return f.Broker.Dequeue(ctx)
}

func (f *faulty) Notify(topic string) {
	if f.notify != nil {
		f.notify(topic)
		return
	}
	f.Broker.Notify(topic)
}

func (f *faulty) Watch(topic string) (<-chan struct{}, func()) {
	if f.watch != nil {
		return f.watch(topic)
	}
	return f.Broker.Watch(topic)
}

func (f *faulty) Close() error {
	if f.close != nil {
		return f.close()
	}
	return f.Broker.Close()
}

// oneLane puts all tenants into one lane.
func oneLane(b broker.Broker) broker.Broker {
	return &faulty{
		Broker: b,
		enqueue: func(ctx context.Context, job broker.Job) error {
			return b.Enqueue(ctx, broker.Job{TaskID: job.Tenant + "\x01" + job.TaskID})
		},
		dequeue: func(ctx context.Context) (broker.Job, error) {
			job, err := b.Dequeue(ctx)
			tenant, id, _ := strings.Cut(job.TaskID, "\x01")
			return broker.Job{Tenant: tenant, TaskID: id}, err
		},
	}
}

func sharedTenant(b broker.Broker) broker.Broker {
	return &faulty{Broker: b, enqueue: func(ctx context.Context, job broker.Job) error {
		return b.Enqueue(ctx, broker.Job{Tenant: "default", TaskID: job.TaskID})
	}}
}

func newestFirst(b broker.Broker) broker.Broker {
	var mu sync.Mutex
	var stack []broker.Job
	return &faulty{
		Broker: b,
		enqueue: func(ctx context.Context, job broker.Job) error {
			mu.Lock()
			defer mu.Unlock()
			stack = append(stack, job)
			return b.Enqueue(ctx, job)
		},
		dequeue: func(ctx context.Context) (broker.Job, error) {
			if _, err := b.Dequeue(ctx); err != nil {
				return broker.Job{}, err
			}
			mu.Lock()
			defer mu.Unlock()
			last := len(stack) - 1
			job := stack[last]
			stack = stack[:last]
			return job, nil
		},
	}
}

// expressLane lets a job that has been here before pass all others.
func expressLane(b broker.Broker) broker.Broker {
	var known sync.Map
	express := make(chan broker.Job, 1000)
	return &faulty{
		Broker: b,
		enqueue: func(ctx context.Context, job broker.Job) error {
			if _, ok := known.LoadOrStore(job, true); ok {
				express <- job
				return nil
			}
			return b.Enqueue(ctx, job)
		},
		dequeue: func(ctx context.Context) (broker.Job, error) {
			select {
			case job := <-express:
				return job, nil
			default:
				return b.Dequeue(ctx)
			}
		},
	}
}

func losesThird(b broker.Broker) broker.Broker {
	var mu sync.Mutex
	n := 0
	return &faulty{Broker: b, enqueue: func(ctx context.Context, job broker.Job) error {
		mu.Lock()
		defer mu.Unlock()
		if n++; n%3 == 0 {
			return nil
		}
		return b.Enqueue(ctx, job)
	}}
}

func rendezvous(b broker.Broker) broker.Broker {
	room := make(chan struct{}, 100)
	closed, once := make(chan struct{}), sync.Once{}
	return &faulty{
		Broker: b,
		enqueue: func(ctx context.Context, job broker.Job) error {
			select {
			case room <- struct{}{}:
				return b.Enqueue(ctx, job)
			case <-closed:
				return broker.ErrClosed
			}
		},
		dequeue: func(ctx context.Context) (broker.Job, error) {
			job, err := b.Dequeue(ctx)
			if err == nil {
				<-room
			}
			return job, err
		},
		close: func() error {
			once.Do(func() { close(closed) })
			return b.Close()
		},
	}
}

func pollsOnce(b broker.Broker) broker.Broker {
	return &faulty{Broker: b, dequeue: func(ctx context.Context) (broker.Job, error) {
		ctx, cancel := context.WithTimeout(ctx, 1)
		defer cancel()
		if job, err := b.Dequeue(ctx); err == nil {
			return job, nil
		}
		return broker.Job{}, nil
	}}
}

func oneReader(b broker.Broker) broker.Broker {
	var waiting atomic.Int32
	return &faulty{Broker: b, dequeue: func(ctx context.Context) (broker.Job, error) {
		defer waiting.Add(-1)
		if waiting.Add(1) > 1 {
			<-ctx.Done()
		}
		return b.Dequeue(ctx)
	}}
}

func ignoresContext(b broker.Broker) broker.Broker {
	return &faulty{Broker: b, dequeue: func(ctx context.Context) (broker.Job, error) {
		return b.Dequeue(context.WithoutCancel(ctx))
	}}
}

func hidesCause(b broker.Broker) broker.Broker {
	return &faulty{Broker: b, dequeue: func(ctx context.Context) (broker.Job, error) {
		job, err := b.Dequeue(ctx)
		if err != nil && ctx.Err() != nil {
			err = ctx.Err()
		}
		return job, err
	}}
}

func losesOnCancel(b broker.Broker) broker.Broker {
	return &faulty{Broker: b, dequeue: func(ctx context.Context) (broker.Job, error) {
		job, err := b.Dequeue(context.WithoutCancel(ctx))
		if ctx.Err() != nil {
			return broker.Job{}, context.Cause(ctx)
		}
		return job, err
	}}
}

// takesAlong leaves a reader behind for whoever gave up.
func takesAlong(b broker.Broker) broker.Broker {
	return &faulty{Broker: b, dequeue: func(ctx context.Context) (broker.Job, error) {
		job, err := b.Dequeue(ctx)
		if err != nil && ctx.Err() != nil {
			go b.Dequeue(context.WithoutCancel(ctx))
		}
		return job, err
	}}
}

// mergesBy enqueues only the first job of each key.
func mergesBy(b broker.Broker, key func(broker.Job) string) broker.Broker {
	var seen sync.Map
	return &faulty{Broker: b, enqueue: func(ctx context.Context, job broker.Job) error {
		if _, ok := seen.LoadOrStore(key(job), true); ok {
			return nil
		}
		return b.Enqueue(ctx, job)
	}}
}

func mergesWithTaken(b broker.Broker) broker.Broker {
	return mergesBy(b, func(job broker.Job) string { return job.Tenant + "\x01" + job.TaskID })
}

func mergesTenants(b broker.Broker) broker.Broker {
	return mergesBy(b, func(job broker.Job) string { return job.Tenant + job.TaskID })
}

func mergesAway(b broker.Broker) broker.Broker {
	var mu sync.Mutex
	queued := make(map[broker.Job]int)
	return &faulty{
		Broker: b,
		enqueue: func(ctx context.Context, job broker.Job) error {
			mu.Lock()
			defer mu.Unlock()
			queued[job]++
			return b.Enqueue(ctx, job)
		},
		dequeue: func(ctx context.Context) (broker.Job, error) {
			for {
				job, err := b.Dequeue(ctx)
				mu.Lock()
				n := queued[job]
				delete(queued, job)
				mu.Unlock()
				if err != nil || n < 2 {
					return job, err
				}
			}
		},
	}
}

func closeWakesNobody(b broker.Broker) broker.Broker {
	return &faulty{Broker: b, dequeue: func(ctx context.Context) (broker.Job, error) {
		job, err := b.Dequeue(ctx)
		if err != nil {
			<-ctx.Done()
		}
		return job, err
	}}
}

func closeDoesNothing(b broker.Broker) broker.Broker {
	return &faulty{Broker: b, close: func() error { return nil }}
}

func closesOnce(b broker.Broker) broker.Broker {
	var once sync.Once
	return &faulty{Broker: b, close: func() error {
		err := broker.ErrClosed
		once.Do(func() { err = b.Close() })
		return err
	}}
}
