package task

import (
	"context"
	"errors"
	"fmt"
	"strings"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"
)

// Cancel ends a task that is not finished and returns it as it then is; a
// running worker sees its context end with ErrCanceled. A task that is finished,
// canceled or not, is ErrTaskNotCancelable; cancels that come while one is under
// way in this process share its outcome. A task that there is no room for, see
// [WithRoom], is returned without its history and artifacts. Section 3.1.5.
func (m *Manager) Cancel(ctx context.Context, ref Ref, id string) (*a2apb.Task, error) {
	flight := fmt.Sprintf("%q %q %q", ref.Tenant, ref.Agent, id)
	_, err, _ := m.cancels.Do(flight, func() (any, error) {
		// It is not only this caller's: its end must not be that of the others.
		return nil, m.cancel(context.WithoutCancel(ctx), ref, id, false)
	})
	if err != nil {
		return nil, err
	}
	t, err := m.Get(ctx, ref, id, nil)
	if errors.Is(err, ErrNoRoom) { // it is canceled all the same
		return m.read(ctx, ref, id, selection{}, getHead)
	}
	return t, err
}

// cancel cancels a task, also one that is hidden where that is asked for.
func (m *Manager) cancel(ctx context.Context, ref Ref, id string, hidden bool) error {
	err := m.change(ctx, ref.Tenant, id, func(e *edit) error {
		if e.h.agent != ref.Agent || e.h.hidden && !hidden {
			return ErrTaskNotFound
		}
		if Terminal(e.h.state) {
			return fmt.Errorf("%w: it is %s", ErrTaskNotCancelable, stateWord(e.h.state))
		}
		return e.finish(canceled, nil, 0)
	})
	if err != nil {
		return err
	}
	m.metrics().TasksEnded.Add(1, ended(canceled))
	m.forget(runKey{ref.Tenant, id})
	m.interrupt(runKey{ref.Tenant, id}, ErrCanceled)
	return nil
}

// forget drops a reservation.
func (m *Manager) forget(key runKey) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.reserved, key)
}

// interrupt ends the context of a run that is in this process.
func (m *Manager) interrupt(key runKey, cause error) {
	m.mu.Lock()
	run := m.runs[key]
	m.mu.Unlock()
	if run != nil {
		run.cancel(cause)
	}
}

// stateWord is a state for people: "input required".
func stateWord(s a2apb.TaskState) string {
	word := strings.TrimPrefix(s.String(), "TASK_STATE_")
	return strings.ToLower(strings.ReplaceAll(word, "_", " "))
}
