package task

import (
	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"

	"github.com/carrelhq/carrel/agent"
)

// Where no other process works on the store, the process that accepts a task is
// the one that runs it. So the update that accepts it leases it as well, and the
// claim that follows reads and writes nothing: all it needs is kept in memory.
//
// For the same reason the run need not wait until the disk has its task. Updates
// are durable in their order, so nothing that the run writes can outlive its task;
// should the process die first, task and run are gone, and whoever sent the
// message has had no answer. What the run reads waits, see [Run.settle].
type reservation struct {
	head    head
	version agent.Version
	message *a2apb.Message
	created <-chan struct{} // closed when the task is durable, or never will be
}

// Bounds of what is kept in memory for claims.
const (
	maxReserved        = 4096
	maxReservedMessage = 8 << 10
)

// reserve leases a new task to this process. It begins no attempt: should the
// process die before the first event of the run, no attempt was lost.
func (m *Manager) reserve(e *edit) {
	if m.opts.Shared {
		return
	}
	e.h.fence++
	e.h.owner = m.instance
}

// keep remembers a task for its claim, and reports whether it did. created is
// for the caller to close once followers know the task.
func (m *Manager) keep(e *edit, version agent.Version, created <-chan struct{}) bool {
	history := e.events[0].Body.GetTask().GetHistory()
	if m.opts.Shared || e.size > maxReservedMessage || len(history) != 1 {
		return false
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.reserved) >= maxReserved {
		return false
	}
	m.reserved[runKey{e.tenant, e.id}] = &reservation{*e.h, version, history[0], created}
	return true
}

// takeReserved makes a run of a reservation, nil when there is none.
func (m *Manager) takeReserved(key runKey) *Run {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.reserved[key]
	if r == nil {
		return nil
	}
	delete(m.reserved, key)
	run := m.newRun(key, &r.head)
	run.Message, run.took = r.message, 1
	run.Number, run.Attempt = r.head.run, 1
	run.Version, run.created = r.version, r.created
	return run
}

// newRun makes a run under the lease that the head has.
func (m *Manager) newRun(key runKey, h *head) *Run {
	run := &Run{
		m: m, key: key, fence: h.fence, digest: h.version, trace: h.trace, due: h.due,
		Ref: Ref{key.tenant, h.agent}, TaskID: key.id, ContextID: h.contextID,
		Number: h.run, Attempt: h.attempt, AcceptedOutputModes: h.modes,
		loose: loose{most: m.opts.MaxLog},
	}
	if h.hidden {
		run.showAt = h.created.Add(m.opts.ReplyWithin)
	}
	return run
}

// mark puts the first event of an attempt into the log, before anything else
// that it writes: the task is working.
func (r *Run) mark(e *edit) error {
	if r.marked {
		return nil
	}
	e.h.attempt, e.h.taken = r.Attempt, r.took
	e.h.runLines = e.h.lines
	if r.Attempt == 1 && e.h.state == working {
		return nil // the message that started the run has said so
	}
	return e.setState(working, nil, r.Attempt)
}
