// Package worker is the loop that turns queued jobs into runs: it takes jobs
// from the broker, claims their tasks with leases, hands them to a
// [task.Worker], and commits how they end.
//
// Whatever a crash, a lost lease or a lost job leaves behind, its sweep finds in
// storage and queues again.
package worker

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/carrelhq/carrel/broker"
	"github.com/carrelhq/carrel/internal/telemetry"
	"github.com/carrelhq/carrel/task"
)

// Options configure a Loop. Zero values are replaced by the defaults given.
type Options struct {
	// Concurrency is the number of runs at a time (256).
	Concurrency int
	// RunTimeout bounds a run (10 min); it ends failed, with a message that says so.
	RunTimeout time.Duration
	// SoftStop is how long runs may go on after shutdown began (10 s); what then
	// still runs is interrupted and its lease given back, at no cost of an attempt.
	SoftStop time.Duration
	// SweepEvery is how often storage is searched for lost work, and leases are
	// looked at (5 s). It must be well below the manager's lease.
	SweepEvery time.Duration
	// Over, if set, is called when an attempt is over and what came of it is committed.
	Over      func(ctx context.Context, run *task.Run)
	Logger    *slog.Logger
	Telemetry *telemetry.Telemetry
}

func (o Options) complete() (Options, error) {
	o.Concurrency = cmp.Or(o.Concurrency, 256)
	o.RunTimeout = cmp.Or(o.RunTimeout, 10*time.Minute)
	o.SoftStop = cmp.Or(o.SoftStop, 10*time.Second)
	o.SweepEvery = cmp.Or(o.SweepEvery, 5*time.Second)
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Concurrency < 0 || o.RunTimeout < 0 || o.SoftStop < 0 || o.SweepEvery < 0 {
		return o, errors.New("worker: Options must not be negative")
	}
	return o, nil
}

// Loop runs tasks. Run it once.
type Loop struct {
	tasks  *task.Manager
	broker broker.Broker
	worker task.Worker
	opts   Options

	places chan struct{} // one for each run at a time
	runs   sync.WaitGroup
	hard   atomic.Bool // runs are interrupted, see drain

	retries sync.WaitGroup  // that wait for their back-off
	over    context.Context // ends with the last run, and retries with it
	end     context.CancelFunc
}

// New returns a loop over the manager's tasks.
func New(m *task.Manager, b broker.Broker, w task.Worker, opts Options) (*Loop, error) {
	if m == nil || b == nil || w == nil {
		return nil, errors.New("worker: a loop needs a manager, a broker and a worker")
	}
	opts, err := opts.complete()
	if err != nil {
		return nil, err
	}
	l := &Loop{tasks: m, broker: b, worker: w, opts: opts, places: make(chan struct{}, opts.Concurrency)}
	l.over, l.end = context.WithCancel(context.Background())
	return l, nil
}

// Run works until ctx ends, then stops taking jobs, lets runs end within
// SoftStop, gives leases back and returns nil after the last goroutine ended. It
// returns an error when the store cannot be searched at the start.
func (l *Loop) Run(ctx context.Context) error {
	if err := l.recover(ctx); err != nil {
		return err
	}
	stopUpkeep := l.startUpkeep(ctx)
	l.takeJobs(ctx)
	l.drain()
	l.end()
	l.retries.Wait()
	stopUpkeep()
	return nil
}

// recover takes up what an earlier process left.
func (l *Loop) recover(ctx context.Context) error {
	err := l.tasks.Sweep(ctx, true)
	if ctx.Err() != nil {
		return nil // told to stop before it began
	}
	return err
}

// takeJobs hands jobs to runs until ctx ends or the broker is closed.
func (l *Loop) takeJobs(ctx context.Context) {
	for {
		select {
		case l.places <- struct{}{}:
		case <-ctx.Done():
			return
		}
		job, err := l.broker.Dequeue(ctx)
		if err != nil {
			<-l.places
			if ctx.Err() == nil {
				l.opts.Logger.Error("no more jobs", "error", err)
			}
			return
		}
		l.runs.Go(func() {
			defer func() { <-l.places }()
			l.do(context.WithoutCancel(ctx), job)
		})
	}
}

// drain waits for the runs, at first as long as they take, then interrupting
// them, and those too that were being claimed meanwhile.
func (l *Loop) drain() {
	hard := time.AfterFunc(l.opts.SoftStop, func() {
		l.hard.Store(true)
		l.tasks.InterruptAll(task.ErrShutdown)
	})
	defer hard.Stop()
	l.runs.Wait()
}

// startUpkeep renews leases, sweeps and clears until the returned function is
// called; leases are renewed during the drain, too.
func (l *Loop) startUpkeep(ctx context.Context) (stop func()) {
	upkeep, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var done sync.WaitGroup
	done.Go(func() { l.rebuildLists(upkeep) })
	done.Go(func() {
		ticker := time.NewTicker(l.opts.SweepEvery)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				l.tidy(upkeep, ctx.Err() == nil)
			case <-upkeep.Done():
				return
			}
		}
	})
	// Renewals do not wait for clearing: an agent may have had a million tasks.
	done.Go(func() {
		l.repeat(ctx, l.opts.SweepEvery, l.tasks.ClearDeleted, "what was deleted was not cleared away")
	})
	done.Go(func() { l.repeat(ctx, blobsEvery, l.tasks.SweepBlobs, "remains of blobs were not cleared away") })
	return func() {
		cancel()
		done.Wait()
	}
}

// rebuildLists tries until it is done; tasks run meanwhile.
func (l *Loop) rebuildLists(ctx context.Context) {
	for {
		err := l.tasks.RebuildLists(ctx)
		if err == nil || ctx.Err() != nil {
			return
		}
		l.opts.Logger.Error("lists of tasks were not rebuilt", "error", err)
		select {
		case <-time.After(l.opts.SweepEvery):
		case <-ctx.Done():
			return
		}
	}
}

// blobsEvery is how often remains of blobs are searched for that crashes left.
const blobsEvery = time.Hour

// repeat does something at once and time and again until ctx ends, and logs the
// words where that fails.
func (l *Loop) repeat(ctx context.Context, every time.Duration, do func(context.Context) error, failed string) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		if err := do(ctx); err != nil && ctx.Err() == nil {
			l.opts.Logger.Error(failed, "error", err)
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

func (l *Loop) tidy(ctx context.Context, sweep bool) {
	if err := l.tasks.RenewAll(ctx); err != nil && ctx.Err() == nil {
		l.opts.Logger.Error("leases were not renewed", "error", err)
	}
	if !sweep {
		return
	}
	if err := l.tasks.Sweep(ctx, false); err != nil && ctx.Err() == nil {
		l.opts.Logger.Error("lost work was not searched for", "error", err)
	}
	if err := l.tasks.ForgetReplies(ctx); err != nil && ctx.Err() == nil {
		l.opts.Logger.Error("direct replies were not removed", "error", err)
	}
	if err := l.tasks.ForgetKeys(ctx); err != nil && ctx.Err() == nil {
		l.opts.Logger.Error("idempotency keys were not forgotten", "error", err)
	}
}
