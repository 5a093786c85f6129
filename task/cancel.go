package task

import (
	"context"
	"fmt"
	"strings"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"
)

// Cancel ends a task that is not finished and returns it as it then is; a
// running worker sees its context end with ErrCanceled. Section 3.1.5.
func (m *Manager) Cancel(ctx context.Context, ref Ref, id string) (*a2apb.Task, error) {
	err := m.change(ctx, ref.Tenant, id, func(e *edit) error {
		if !e.h.shownTo(ref.Agent) {
			return ErrTaskNotFound
		}
		if Terminal(e.h.state) {
			return fmt.Errorf("%w: it is %s", ErrTaskNotCancelable, stateWord(e.h.state))
		}
		return e.finish(canceled, nil, 0)
	})
	if err != nil {
		return nil, err
	}
	m.metrics().TasksEnded.Add(1, ended(canceled))
	m.forget(runKey{ref.Tenant, id})
	m.interrupt(runKey{ref.Tenant, id}, ErrCanceled)
	return m.Get(ctx, ref, id, nil)
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
