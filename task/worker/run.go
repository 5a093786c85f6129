package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"

	"github.com/carrelhq/carrel/broker"
	"github.com/carrelhq/carrel/internal/telemetry"
	"github.com/carrelhq/carrel/task"
)

// do claims the job's task and works on it.
func (l *Loop) do(ctx context.Context, job broker.Job) {
	run, err := l.tasks.Claim(ctx, job)
	if err != nil {
		l.opts.Logger.Error("task was not claimed", "tenant", job.Tenant, "task", job.TaskID, "error", err)
	}
	if run == nil {
		return
	}
	if l.hard.Load() {
		run.Interrupt(task.ErrShutdown)
	}
	begin := time.Now()
	metrics := l.metrics()
	metrics.RunsActive.Add(1)
	outcome, err := l.work(ctx, run)
	metrics.RunsActive.Add(-1)
	metrics.RunSeconds.Observe(time.Since(begin))
	l.report(run, outcome, err, time.Since(begin))
	if l.opts.Over != nil {
		l.opts.Over(ctx, run)
	}
}

// work runs the worker on one attempt and commits how it ends.
func (l *Loop) work(ctx context.Context, run *task.Run) (outcome string, err error) {
	work, cancel := context.WithTimeoutCause(run.Context(), l.opts.RunTimeout, task.ErrTimeout)
	defer cancel()
	work, span := l.opts.Telemetry.Start(work, "task.run",
		slog.String("tenant", run.Ref.Tenant), slog.String("agent", run.Ref.Agent), slog.String("task", run.TaskID),
		slog.Int("run", run.Number), slog.Int("attempt", run.Attempt))
	defer func() { span.End(err) }()
	result, err := l.call(work, run)
	if err == nil {
		return l.finish(ctx, run, result)
	}
	switch cause := context.Cause(work); {
	case errors.Is(err, task.ErrFenced), errors.Is(cause, task.ErrCanceled), errors.Is(cause, task.ErrFenced):
		l.tasks.Drop(run)
		return "taken away", nil
	case errors.Is(cause, task.ErrShutdown):
		return "given back", l.tasks.GiveBack(ctx, run)
	case errors.Is(cause, task.ErrTimeout):
		run.DiscardContext()
		return l.finish(ctx, run, l.timedOut())
	}
	return l.lose(ctx, run, err)
}

// call runs the worker; a panic is a lost attempt.
func (l *Loop) call(ctx context.Context, run *task.Run) (result task.Result, err error) {
	defer func() {
		if p := recover(); p != nil {
			l.opts.Logger.Error("worker panicked", "task", run.TaskID, "panic", p, "stack", string(debug.Stack()))
			err = fmt.Errorf("the worker panicked: %v", p)
		}
	}()
	return l.worker.Work(ctx, run)
}

func (l *Loop) timedOut() task.Result {
	text := fmt.Sprintf("The task ran longer than %s and was stopped.", l.opts.RunTimeout)
	return task.Result{
		State:   a2apb.TaskState_TASK_STATE_FAILED,
		Message: &a2apb.Message{Parts: []*a2apb.Part{{Content: &a2apb.Part_Text{Text: text}}}},
	}
}

// finish commits a result; what cannot be committed is a lost attempt, unless
// the task is somebody else's by now.
func (l *Loop) finish(ctx context.Context, run *task.Run, result task.Result) (string, error) {
	err := l.tasks.Finish(ctx, run, result)
	switch {
	case err == nil:
		return "ended", nil
	case errors.Is(err, task.ErrFenced):
		return "taken away", nil
	}
	return l.lose(ctx, run, err)
}

// lose gives an attempt up and has the run tried again after its back-off. The
// sweep would do that as well, only later.
func (l *Loop) lose(ctx context.Context, run *task.Run, cause error) (string, error) {
	retryIn, err := l.tasks.Lose(ctx, run, cause)
	if errors.Is(err, task.ErrFenced) {
		return "taken away", nil
	}
	if err == nil && retryIn > 0 {
		job := broker.Job{Tenant: run.Ref.Tenant, TaskID: run.TaskID}
		l.retries.Go(func() { l.retry(job, retryIn) })
	}
	return "lost", errors.Join(cause, err)
}

// retry queues the job again once its back-off is over, unless the loop is over
// before that.
func (l *Loop) retry(job broker.Job, in time.Duration) {
	select {
	case <-time.After(in):
		_ = l.broker.Enqueue(l.over, job)
	case <-l.over.Done():
	}
}

// report writes the one line of a run.
func (l *Loop) report(run *task.Run, outcome string, err error, took time.Duration) {
	attrs := []any{
		"tenant", run.Ref.Tenant, "agent", run.Ref.Agent, "task", run.TaskID,
		"run", run.Number, "attempt", run.Attempt, "outcome", outcome, "took", took,
	}
	if err != nil {
		l.opts.Logger.Warn("run ended", append(attrs, "error", err)...)
		return
	}
	l.opts.Logger.Info("run ended", attrs...)
}

// metrics may be nil, as may its fields.
func (l *Loop) metrics() *telemetry.Metrics {
	if l.opts.Telemetry == nil || l.opts.Telemetry.Metrics == nil {
		return &telemetry.Metrics{}
	}
	return l.opts.Telemetry.Metrics
}
