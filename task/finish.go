package task

import (
	"context"
	"errors"
	"fmt"
	"time"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"
	"google.golang.org/protobuf/proto"

	"github.com/carrelhq/carrel/storage"
)

// Finish commits how a run ended: its artifacts, its state, the context it saved
// and the end of its turn, in one update.
func (m *Manager) Finish(ctx context.Context, run *Run, result Result) error {
	defer m.Drop(run)
	result, err := checked(result)
	if err == nil {
		result, err = run.stageResult(ctx, result)
		if err != nil && !errors.Is(err, errNoBlob) {
			return err
		}
	}
	if err != nil {
		run.DiscardContext()
		result = Result{State: failed, Message: textMessage("The agent's result is not valid: " + err.Error() + "."), Also: result.Also}
	}
	err = m.finish(ctx, run, &result)
	if !errors.Is(err, ErrLogFull) {
		return err
	}
	run.DiscardContext()
	result = logFull(err, result.Also)
	err = m.finish(ctx, run, &result)
	if errors.Is(err, ErrLogFull) && result.Also != nil { // it is what is too much
		result.Also = nil
		err = m.finish(ctx, run, &result)
	}
	return err
}

// logFull is the result of a run whose events are no more taken.
func logFull(err error, also func(storage.Tx) error) Result {
	return Result{State: failed, Message: textMessage("The task failed: " + err.Error() + "."), Also: also}
}

// finish commits the result. After an error, what of it is committed is no more in it.
func (m *Manager) finish(ctx context.Context, run *Run, result *Result) error {
	if err := run.emitLarge(ctx, result); err != nil {
		return err
	}
	requeue := false
	err := run.change(ctx, m.change, func(e *edit) (err error) {
		if err := run.also(e, result.Also); err != nil {
			return err
		}
		for _, a := range result.Artifacts {
			if err := run.appendChunk(e, &a2apb.TaskArtifactUpdateEvent{Artifact: a, LastChunk: true}, proto.Size(a)); err != nil {
				return err
			}
		}
		if err := run.commitContext(e); err != nil {
			return err
		}
		e.h.inbox, e.h.taken = e.h.inbox[e.h.taken:], 0
		if Interrupted(result.State) && len(e.h.inbox) > 0 {
			requeue, err = m.goOn(e, e.fill(result.Message), run.Attempt)
			return err
		}
		requeue = false
		if e.h.hidden && result.isReply() {
			return e.reply(result.Message, run.Attempt, m.opts.KeepReplies)
		}
		return e.finish(result.State, e.fill(result.Message), run.Attempt)
	})
	if err != nil {
		return err
	}
	if Terminal(result.State) {
		m.metrics().TasksEnded.Add(1, ended(result.State))
	}
	if requeue {
		m.enqueue(ctx, run.key.tenant, run.key.id)
	}
	return nil
}

// also runs fn as Update does, in an update of the run.
func (r *Run) also(e *edit, fn func(storage.Tx) error) error {
	if fn == nil {
		return nil
	}
	r.cur = e // guarded by r.write, which change holds
	defer func() { r.cur = nil }()
	return fn(e.tx)
}

// goOn ends a run that asks for what has come already, while it was running, and
// starts the next one. The task never waits: whoever sent the message would take
// the question for the answer to it. goOn tells whether the task has the turn.
func (m *Manager) goOn(e *edit, question *a2apb.Message, attempt int) (bool, error) {
	if err := e.setState(working, question, attempt); err != nil {
		return false, err
	}
	if err := e.rest(); err != nil {
		return false, err
	}
	e.nextRun()
	return e.takeTurn(e.now.Add(m.opts.Lease))
}

// checked completes a result, or tells what is wrong with it.
func checked(r Result) (Result, error) {
	switch r.State {
	case unspecified:
		r.State = completed
	case completed, failed, rejected, inputRequired, authRequired:
	default:
		return r, fmt.Errorf("a run cannot end as %s", stateWord(r.State))
	}
	if r.State == authRequired && r.Message == nil {
		r.Message = textMessage("The agent needs authorization to go on.") // there must be one: section 7.6.1
	}
	if r.Message != nil && len(r.Message.Parts) == 0 {
		return r, errors.New("its message has no parts")
	}
	if r.Message != nil && proto.Size(r.Message) > MaxChunk {
		return r, fmt.Errorf("its message is larger than %d bytes", MaxChunk)
	}
	for i, a := range r.Artifacts {
		if err := checkArtifact(a, proto.Size(a)); err != nil {
			return r, fmt.Errorf("artifact %d %w", i+1, err)
		}
	}
	return r, nil
}

// Bounds of what the update that ends a run may hold beside heads and lists.
const (
	endBytes     = storage.MaxUpdateBytes - 64<<10
	endArtifacts = 500
	// eventBytes is more than an event takes beside its artifact or message.
	eventBytes = 512
)

// emitLarge emits the result's artifacts on their own when they would not fit
// into one update with the end of the run.
func (r *Run) emitLarge(ctx context.Context, result *Result) error {
	if r.fits(result) {
		return nil
	}
	for rest := result.Artifacts; len(rest) > 0; result.Also = nil {
		n := batch(rest)
		err := r.Update(ctx, func(tx storage.Tx) error {
			if also := result.Also; also != nil {
				if err := also(tx); err != nil {
					return err
				}
			}
			for _, a := range rest[:n] {
				if err := r.AppendArtifact(tx, &a2apb.TaskArtifactUpdateEvent{Artifact: a, LastChunk: true}); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		rest = rest[n:]
	}
	result.Artifacts = nil
	return nil
}

// fits tells whether one update holds the whole end of the run. The status
// message is written twice: into its event and into the head.
func (r *Run) fits(result *Result) bool {
	size := 2*proto.Size(result.Message) + len(r.unsaved())
	if result.Also != nil {
		size += AlsoBytes
	}
	for _, a := range result.Artifacts {
		size += proto.Size(a) + eventBytes
	}
	return size <= endBytes && len(result.Artifacts) <= endArtifacts
}

// batch is how many of the artifacts, one at least, go into one update.
func batch(artifacts []*a2apb.Artifact) (n int) {
	size := 0
	for n < min(len(artifacts), endArtifacts) {
		if size += proto.Size(artifacts[n]) + eventBytes; size > MaxChunk && n > 0 {
			break
		}
		n++
	}
	return n
}

// Lose ends an attempt that came to nothing. The run is tried again after a
// back-off, or failed when it is out of attempts; its status message then has
// what cause says to callers, see [ForCaller]. The task keeps its turn. Lose
// returns how long until the retry.
func (m *Manager) Lose(ctx context.Context, run *Run, cause error) (retryIn time.Duration, err error) {
	defer m.Drop(run)
	m.metrics().RunsLost.Add(1)
	err = run.change(ctx, m.change, func(e *edit) error {
		retryIn = 0
		if e.h.lost++; e.h.lost >= m.opts.MaxAttempts {
			return e.giveUp(lastWords(cause, e.h.lost))
		}
		e.free()
		retryIn = m.backOff(e.h.lost)
		return e.schedule(e.now.Add(retryIn))
	})
	if err == nil && retryIn == 0 {
		m.metrics().TasksEnded.Add(1, ended(failed))
	}
	return retryIn, err
}

// backOff is the wait after that many lost attempts.
func (m *Manager) backOff(lost int) time.Duration {
	d := m.opts.BackOff
	for range lost - 1 {
		if d *= 2; d >= m.opts.MaxBackOff {
			return m.opts.MaxBackOff
		}
	}
	return d
}

// GiveBack ends an attempt that was not the worker's to finish, as at shutdown:
// the run may be claimed again at once, and the attempt does not count.
func (m *Manager) GiveBack(ctx context.Context, run *Run) error {
	defer m.Drop(run)
	return run.change(ctx, m.change, func(e *edit) error {
		e.free()
		return e.schedule(e.now)
	})
}

// Drop forgets a run that this process no longer works on, as one that was taken away.
func (m *Manager) Drop(run *Run) {
	m.mu.Lock()
	if m.runs[run.key] == run {
		delete(m.runs, run.key)
	}
	m.mu.Unlock()
	run.soon.Stop()
	if run.late != nil {
		run.late.Stop()
	}
	run.cancel(context.Canceled)
}
