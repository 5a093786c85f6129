package task

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"
	"golang.org/x/sync/errgroup"

	"github.com/carrelhq/carrel/agent"
	"github.com/carrelhq/carrel/broker"
	"github.com/carrelhq/carrel/internal/telemetry"
	"github.com/carrelhq/carrel/storage"
)

// errNothingToDo ends a claim that finds no work: the task is finished, waits,
// is leased to somebody, or is to be tried later.
var errNothingToDo = errors.New("task: nothing to do")

// Claim leases the job's task for one attempt at its current run. It returns nil
// and no error when there is nothing to do. The run must end with Finish, Lose,
// GiveBack or Drop. A task whose version is gone, or that is out of attempts, is
// failed here.
func (m *Manager) Claim(ctx context.Context, job broker.Job) (*Run, error) {
	run, reserved, err := m.take(ctx, job)
	if run == nil || reserved {
		return run, err
	}
	if run, err = m.pin(run); run == nil {
		return nil, err
	}
	return m.ready(run)
}

// take leases the job's task and makes the run known, which two jobs of one task
// must not do at a time: between lease and run nothing would tell the second one
// that the task is held. reserved says that the run is complete.
func (m *Manager) take(ctx context.Context, job broker.Job) (run *Run, reserved bool, err error) {
	key := runKey{job.Tenant, job.TaskID}
	defer m.alone(key)()
	if run := m.takeReserved(key); run != nil {
		m.begin(ctx, run)
		return run, true, nil
	}
	err = m.changeLater(ctx, job.Tenant, job.TaskID, func(e *edit) (err error) {
		if err := m.claimable(e); err != nil {
			return err
		}
		run, err = m.lease(e)
		return err
	})
	if errors.Is(err, errOutOfAttempts) {
		err = m.abandon(ctx, job)
	}
	switch {
	case errors.Is(err, errNothingToDo), errors.Is(err, ErrTaskNotFound):
		return nil, false, nil
	case err != nil:
		return nil, false, err
	}
	m.begin(ctx, run)
	return run, false, nil
}

// alone waits until nobody claims the task, and keeps others from it until the
// returned function is called.
func (m *Manager) alone(key runKey) (done func()) {
	mine := make(chan struct{})
	for {
		m.mu.Lock()
		others := m.claims[key]
		if others == nil {
			m.claims[key] = mine
			m.mu.Unlock()
			break
		}
		m.mu.Unlock()
		<-others
	}
	return func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		delete(m.claims, key)
		close(mine)
	}
}

// errOutOfAttempts ends a claim of a run that was lost too often.
var errOutOfAttempts = errors.New("task: out of attempts")

// abandon fails a task whose run was lost too often. It returns errNothingToDo
// when that is done.
func (m *Manager) abandon(ctx context.Context, job broker.Job) error {
	err := m.change(ctx, job.Tenant, job.TaskID, func(e *edit) error {
		err := m.claimable(e)
		if !errors.Is(err, errOutOfAttempts) {
			return errNothingToDo // somebody was quicker
		}
		return e.giveUp(lastWords(nil, m.opts.MaxAttempts))
	})
	if err != nil {
		return err
	}
	m.metrics().TasksEnded.Add(1, ended(failed))
	return errNothingToDo
}

// claimable tells whether an attempt may begin now. An attempt whose holder died
// or did not renew counts as lost.
func (m *Manager) claimable(e *edit) error {
	if err := m.idle(e); err != nil {
		return err
	}
	if e.h.owner != "" && e.h.attempt > 0 {
		e.h.lost++
	}
	if e.h.lost >= m.opts.MaxAttempts {
		return errOutOfAttempts
	}
	return nil
}

// idle tells whether nobody works on a task that wants work.
func (m *Manager) idle(e *edit) error {
	h := e.h
	switch {
	case h.state != submitted && h.state != working, h.due.IsZero():
		return errNothingToDo
	case h.owner == "":
		if h.lost > 0 && h.due.After(e.now) {
			return errNothingToDo // a retry that is not due
		}
		return nil
	case h.owner == m.instance && m.holds(runKey{e.tenant, e.id}):
		return errNothingToDo
	case h.owner != m.instance && m.opts.Shared && h.due.After(e.now):
		return errNothingToDo
	}
	return nil
}

func (m *Manager) holds(key runKey) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.runs[key] != nil
}

// lease begins an attempt: it raises the fence and reads the run's messages.
func (m *Manager) lease(e *edit) (*Run, error) {
	h := e.h
	h.fence++
	h.owner = m.instance
	h.attempt++
	// A fresh job is due a lease after it was accepted, which is lease enough
	// unless it has waited for long.
	if h.due.Sub(e.now) < m.opts.Lease/2 {
		if err := e.schedule(e.now.Add(m.opts.Lease)); err != nil {
			return nil, err
		}
	}
	run := m.newRun(runKey{e.tenant, e.id}, h)
	return run, run.readInbox(e)
}

// readInbox gives the attempt the messages that wait for the run.
func (r *Run) readInbox(e *edit) error {
	for i, seq := range e.h.inbox {
		msg, err := readMessage(e.tx, e.id, seq)
		if err != nil {
			return err
		}
		if i == 0 {
			r.Message = msg
		} else {
			r.Pending = append(r.Pending, msg)
		}
	}
	if r.Message == nil {
		return fmt.Errorf("task %s: run %d has no message", e.id, r.Number)
	}
	r.took = len(e.h.inbox)
	e.h.taken = r.took
	return nil
}

// readMessage reads the user's message that an event holds.
func readMessage(tx storage.Tx, id string, seq uint64) (*a2apb.Message, error) {
	events, err := readEvents(tx, id, seq-1, 1, 1)
	if err != nil {
		return nil, fmt.Errorf("task %s: event %d: %w", id, seq, err)
	}
	if msg := events[0].message; msg != nil {
		return msg, nil
	}
	if history := events[0].Body.GetTask().GetHistory(); len(history) == 1 {
		return history[0], nil
	}
	return nil, fmt.Errorf("task %s: event %d holds no message", id, seq)
}

// markAfter is how long an attempt may take before followers are told that the
// task is working; one that is quicker tells them together with what it did.
const markAfter = 20 * time.Millisecond

// begin makes a leased run cancelable and has its task marked as working soon.
func (m *Manager) begin(ctx context.Context, run *Run) {
	run.ctx, run.cancel = context.WithCancelCause(telemetry.Extract(context.WithoutCancel(ctx), run.trace))
	run.soon = time.AfterFunc(markAfter, func() {
		// What goes wrong here goes wrong again, and is seen, when the run ends.
		_ = run.change(run.ctx, m.change, func(*edit) error { return nil })
	})
	run.showLater()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.runs[run.key] = run
}

// pin completes a run with the version that its task began with.
func (m *Manager) pin(run *Run) (*Run, error) {
	version, err := m.agents.Version(run.ctx, run.Ref.Tenant, run.Ref.Agent, run.digest)
	switch {
	case errors.Is(err, agent.ErrNotFound):
		return nil, m.Finish(run.ctx, run, Result{State: failed, Message: textMessage("The agent's version that this task began with was deleted.")})
	case err != nil:
		return nil, errors.Join(err, m.GiveBack(run.ctx, run))
	}
	run.Version = version
	return run, nil
}

// ready has a retry begin where the first attempt did.
func (m *Manager) ready(run *Run) (*Run, error) {
	ctx := context.WithoutCancel(run.ctx) // the end of the run shows as ErrFenced
	err := run.restore(ctx)
	switch {
	case err == nil:
		return run, nil
	case errors.Is(err, ErrLogFull):
		return nil, m.Finish(ctx, run, logFull(err, nil))
	case errors.Is(err, ErrFenced):
		m.Drop(run)
		return nil, nil
	}
	return nil, errors.Join(err, m.GiveBack(ctx, run))
}

// Renew extends the lease of a run, once half of it has passed. ErrFenced says
// that it was lost; the run's context has then ended.
func (m *Manager) Renew(ctx context.Context, run *Run) error {
	run.mu.Lock()
	due := run.due
	run.mu.Unlock()
	if time.Until(due) > m.opts.Lease/2 {
		return nil
	}
	err := run.change(ctx, m.change, func(e *edit) error {
		due = e.now.Add(m.opts.Lease)
		return e.schedule(due)
	})
	if errors.Is(err, ErrFenced) {
		run.cancel(ErrFenced)
	}
	if err == nil {
		run.mu.Lock()
		run.due = due
		run.mu.Unlock()
	}
	return err
}

// renewAtOnce is how many leases are renewed at a time: the store writes what
// waits for it with one sync.
const renewAtOnce = 64

// RenewAll renews the leases of all runs in this process. An error of one does
// not keep the others from it.
func (m *Manager) RenewAll(ctx context.Context) error {
	runs := m.held()
	errs := make([]error, len(runs))
	var renewing errgroup.Group
	renewing.SetLimit(renewAtOnce)
	for i, run := range runs {
		renewing.Go(func() error {
			errs[i] = ignore(m.Renew(ctx, run), ErrFenced)
			return nil
		})
	}
	_ = renewing.Wait() // the errors are in errs
	return errors.Join(errs...)
}

// InterruptAll ends the context of all runs in this process with the cause.
func (m *Manager) InterruptAll(cause error) {
	for _, run := range m.held() {
		run.cancel(cause)
	}
}

func (m *Manager) held() []*Run {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Collect(maps.Values(m.runs))
}

// giveUp fails the task for a reason that is not the worker's result.
func (e *edit) giveUp(reason string) error {
	return e.finish(failed, e.agentMessage("The task failed: "+reason+"."), 0)
}

func textMessage(text string) *a2apb.Message {
	return &a2apb.Message{Parts: []*a2apb.Part{{Content: &a2apb.Part_Text{Text: text}}}}
}
