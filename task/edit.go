package task

import (
	"context"
	"errors"
	"fmt"
	"time"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/carrelhq/carrel/broker"
	"github.com/carrelhq/carrel/internal/telemetry"
	"github.com/carrelhq/carrel/storage"
	"github.com/carrelhq/carrel/tenant"
)

// edit is one change of a task inside an update: the head, the events appended,
// and the entries that follow from the head. Whatever changes a task is an edit.
type edit struct {
	root, tx storage.Tx // tx is the tenant's part of root
	tenant   string
	id       string
	now      time.Time
	h        *head
	was      listed          // how the lists and counters have the task
	open     int64           // tasks in the open set; 0 is not counted, or none
	events   []Event         // appended, for followers
	entry    logEntry        // of those that are not written yet
	begun    []string        // artifacts that chunks were appended of
	size     int             // of the last event's body, in bytes
	loose    *loose          // blobs for the events to refer to; nil when there are none
	after    <-chan struct{} // closed when followers know the events before; nil when they do
	wake     string          // a task whose turn it became, to be enqueued after the commit
	pushDue  []DeliveryID    // webhooks that became due
	removed  bool            // the task is deleted
}

// change runs fn on the task in one durable update, then tells followers.
func (m *Manager) change(ctx context.Context, tenantName, id string, fn func(*edit) error) error {
	return m.edit(ctx, m.db.Update, tenantName, id, fn)
}

// changeLater is change without the wait for the disk. It must not append
// events: a follower would see what a crash then takes back.
func (m *Manager) changeLater(ctx context.Context, tenantName, id string, fn func(*edit) error) error {
	later := func(ctx context.Context, fn func(storage.Tx) error) error {
		_, err := m.db.UpdateLater(ctx, fn)
		return err
	}
	return m.edit(ctx, later, tenantName, id, func(e *edit) error {
		if err := fn(e); err != nil {
			return err
		}
		if len(e.events) > 0 {
			return errEarly
		}
		return nil
	})
}

// errEarly is a programming error: an event that would be seen before it is durable.
var errEarly = errors.New("task: an event must be durable before it is seen")

type updater func(context.Context, func(storage.Tx) error) error

func (m *Manager) edit(ctx context.Context, update updater, tenantName, id string, fn func(*edit) error) error {
	var e *edit
	err := update(ctx, func(root storage.Tx) error {
		e = &edit{root: root, tx: tenant.ScopeTx(root, tenantName), tenant: tenantName, id: id, now: time.Now().UTC()}
		var err error
		if e.h, err = loadHead(e.tx, id); err != nil {
			return err
		}
		e.was = e.h.listed()
		if err := fn(e); err != nil || e.removed {
			return err
		}
		return e.save()
	})
	if err != nil {
		return err
	}
	m.announce(ctx, e)
	return nil
}

// announce tells followers what was committed, and the broker whose turn it is.
func (m *Manager) announce(ctx context.Context, e *edit) {
	if e.after != nil {
		<-e.after
	}
	m.publish(e)
	if e.wake != "" {
		m.enqueue(ctx, e.tenant, e.wake)
	}
}

// enqueue makes a job of a task that has one in storage already. What was
// committed does not fail because the broker does: the sweep finds the job.
func (m *Manager) enqueue(ctx context.Context, tenantName, id string) {
	if err := m.broker.Enqueue(context.WithoutCancel(ctx), broker.Job{Tenant: tenantName, TaskID: id}); err != nil {
		m.opts.Logger.Warn("job not queued, left to the sweep", "tenant", tenantName, "task", id, "error", err)
	}
}

// publish wakes those who wait for what was committed.
func (m *Manager) publish(e *edit) {
	m.log.publish(Ref{e.tenant, e.h.agent}, e.id, e.events)
	if len(e.pushDue) > 0 {
		m.fresh.add(e.pushDue)
		m.broker.Notify(pushTopic)
	}
}

// append adds an event to the log; save writes it.
func (e *edit) append(r *record, body *a2apb.StreamResponse) error {
	e.h.seq++
	r.seq, r.time, r.run = e.h.seq, e.now, e.h.run
	if e.h.hidden && r.output(body) {
		e.h.hidden, r.shows = false, true
	}
	if body != nil {
		for parts := range eachParts(body) {
			if err := e.keep(parts); err != nil {
				return err
			}
		}
		var err error
		if r.body, err = proto.Marshal(body); err != nil {
			return err
		}
		e.size = len(r.body)
	}
	value := r.encode()
	e.h.size += uint64(len(value))
	e.events = append(e.events, Event{
		Seq: r.seq, Time: r.time, Body: body, State: r.state, Shows: r.shows,
		run: r.run, attempt: r.attempt, size: len(value), wire: &wireCache{},
	})
	if e.entry.add(r.seq, value) {
		return nil
	}
	if err := e.entry.write(e.tx, e.id); err != nil {
		return err
	}
	e.entry.add(r.seq, value)
	return nil
}

// setState moves the task to a state, with an event. attempt is 0 for a change
// that no attempt makes.
func (e *edit) setState(to a2apb.TaskState, msg *a2apb.Message, attempt int) error {
	h := e.h
	if err := enter(h.state, to); err != nil {
		return err
	}
	h.state, h.changed, h.status = to, e.statusTime(), nil
	if msg != nil {
		var err error
		if h.status, err = proto.Marshal(msg); err != nil {
			return err
		}
	}
	status := &a2apb.TaskStatus{State: to, Message: msg, Timestamp: timestamppb.New(h.changed)}
	return e.append(&record{attempt: attempt, state: to}, &a2apb.StreamResponse{Payload: &a2apb.StreamResponse_StatusUpdate{
		StatusUpdate: &a2apb.TaskStatusUpdateEvent{TaskId: e.id, ContextId: h.contextID, Status: status},
	}})
}

// statusTime is the time of a status that is reported now. A2A shows milliseconds
// (section 5.6.1), so there is nothing finer in the lists: who asks for what
// changed after a time that was shown must find it.
func (e *edit) statusTime() time.Time { return e.now.Truncate(time.Millisecond) }

// save writes the events and the head, and brings lists and counters in step with
// it: once for each update, however many states the task went through in it.
func (e *edit) save() error {
	if err := e.entry.write(e.tx, e.id); err != nil {
		return err
	}
	if err := e.relist(); err != nil {
		return err
	}
	if err := e.wakePushes(); err != nil {
		return err
	}
	return e.tx.Set(headKey(e.id), e.h.encode())
}

func (e *edit) recount() error {
	was, is := e.was, e.h.listed()
	if was.state == is.state && was.hidden == is.hidden {
		return nil
	}
	for _, c := range []struct {
		of    listed
		delta int64
	}{{was, -1}, {is, 1}} {
		if err := e.count(c.of, c.delta); err != nil {
			return err
		}
	}
	return nil
}

// count adds to the counter that a task is counted by, if it is by one.
func (e *edit) count(l listed, delta int64) error {
	switch {
	case l.hidden:
		return e.tx.Add(hiddenCountKey(e.h.agent), delta)
	case l.state != unspecified:
		return e.tx.Add(countKey(e.h.agent, l.state), delta)
	}
	return nil
}

// schedule puts the task into the due index for the given time; the zero time takes it out.
func (e *edit) schedule(at time.Time) error {
	if !e.h.due.IsZero() {
		if err := e.root.Delete(dueKey(e.h.due, e.tenant, e.id)); err != nil {
			return err
		}
	}
	e.h.due = at
	if at.IsZero() {
		return nil
	}
	return e.root.Set(dueKey(at, e.tenant, e.id), nil)
}

// free takes the lease away: what its holder writes from now on is refused.
func (e *edit) free() {
	e.h.fence++
	e.h.owner = ""
}

// nextRun begins the run that the next message starts.
func (e *edit) nextRun() {
	e.h.run++
	e.h.attempt, e.h.lost, e.h.taken = 0, 0, 0
}

// rest ends the task's claim on a worker: no lease, no entry in the due index, no turn.
func (e *edit) rest() error {
	e.free()
	if err := e.schedule(time.Time{}); err != nil {
		return err
	}
	return e.leaveTurn()
}

// finish moves the task to a terminal state.
func (e *edit) finish(to a2apb.TaskState, msg *a2apb.Message, attempt int) error {
	if err := e.setState(to, msg, attempt); err != nil {
		return err
	}
	return e.rest()
}

// agentMessage makes a status message of a text.
func (e *edit) agentMessage(text string) *a2apb.Message {
	return &a2apb.Message{
		MessageId: newID(), TaskId: e.id, ContextId: e.h.contextID, Role: a2apb.Role_ROLE_AGENT,
		Parts: []*a2apb.Part{{Content: &a2apb.Part_Text{Text: text}}},
	}
}

// fill completes a message of the agent with its ids; the argument is not changed.
func (e *edit) fill(msg *a2apb.Message) *a2apb.Message {
	if msg == nil {
		return nil
	}
	out := shallow(msg)
	if out.MessageId == "" {
		out.MessageId = newID()
	}
	out.TaskId, out.ContextId, out.Role = e.id, e.h.contextID, a2apb.Role_ROLE_AGENT
	return out
}

// shallow copies a message; its parts are shared.
func shallow(m *a2apb.Message) *a2apb.Message {
	return &a2apb.Message{
		MessageId: m.MessageId, ContextId: m.ContextId, TaskId: m.TaskId, Role: m.Role, Parts: m.Parts,
		Metadata: m.Metadata, Extensions: m.Extensions, ReferenceTaskIds: m.ReferenceTaskIds,
	}
}

// inject returns the traceparent of ctx for the head.
func inject(ctx context.Context) string {
	trace := telemetry.Inject(ctx)
	if len(trace) > maxTrace {
		return ""
	}
	return trace
}

const maxTrace = 128

// ended is the metric's word for a terminal state.
func ended(s a2apb.TaskState) string {
	switch s {
	case completed:
		return "completed"
	case failed:
		return "failed"
	case canceled:
		return "canceled"
	case rejected:
		return "rejected"
	}
	return fmt.Sprint(int32(s))
}
