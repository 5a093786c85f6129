package task

import (
	"context"
	"errors"
	"fmt"
	"time"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/carrelhq/carrel/agent"
	"github.com/carrelhq/carrel/storage"
	"github.com/carrelhq/carrel/tenant"
)

// Send accepts a message: a new task, or the next message of a task that is not
// finished (message.taskId). When it returns, task, message and job are durable.
// It does not wait for the work. Sections 3.1.1, 3.4.
func (m *Manager) Send(ctx context.Context, ref Ref, req *a2apb.SendMessageRequest) (Accepted, error) {
	return m.SendOnce(ctx, ref, Once{}, req)
}

// SendOnce is Send of a message that is accepted once: sent again under the same
// key, it gets what came of it first. The same key with another message is
// ErrKeyReused. What is remembered of a key commits with its message.
func (m *Manager) SendOnce(ctx context.Context, ref Ref, once Once, req *a2apb.SendMessageRequest) (Accepted, error) {
	if err := m.CheckMessage(once, req); err != nil {
		return Accepted{}, err
	}
	return m.send(ctx, ref, newID(), once, req)
}

// send is SendOnce of a request that was checked, with the id of a task that it may
// have to make.
func (m *Manager) send(ctx context.Context, ref Ref, id string, once Once, req *a2apb.SendMessageRequest) (accepted Accepted, err error) {
	k, err := m.newKeyed(ref, once, req)
	if err != nil {
		return Accepted{}, err
	}
	// What was accepted is not held to what has changed since. This sees all that
	// is durable; the update that accepts the message looks again.
	if a, again, err := m.lookUp(ctx, k); again || err != nil {
		return a, err
	}
	a, err := m.agents.Get(ctx, ref.Tenant, ref.Agent)
	if err != nil {
		return Accepted{}, notThere(err)
	}
	if err := checkModes(req.Message, a.InputModes()); err != nil {
		return Accepted{}, err
	}
	if req.Message.TaskId != "" {
		id = req.Message.TaskId
	}
	push, err := m.registration(ctx, taskPlace{ref.Tenant, id}, req.GetConfiguration().GetTaskPushNotificationConfig())
	if err != nil {
		return Accepted{}, err
	}
	files := &loose{most: m.opts.MaxLog}
	if req, err = m.stageRequest(ctx, taskPlace{ref.Tenant, id}, req, files); err == nil {
		if req.Message.TaskId != "" {
			accepted, err = m.sendTo(ctx, ref, k, req, push, files)
		} else {
			accepted, err = m.create(ctx, ref, k, a.Current, id, req, push, files)
		}
	}
	if err != nil {
		m.drop(ctx, ref.Tenant, files)
	}
	return accepted, err
}

// stageRequest stores the bytes of large parts, and returns the request with
// references in their place.
func (m *Manager) stageRequest(ctx context.Context, place taskPlace, req *a2apb.SendMessageRequest, into *loose) (*a2apb.SendMessageRequest, error) {
	parts, err := m.stage(ctx, place, req.Message.Parts, into)
	if err != nil || same(parts, req.Message.Parts) {
		return req, err
	}
	msg := shallow(req.Message)
	msg.Parts = parts
	return &a2apb.SendMessageRequest{Tenant: req.Tenant, Message: msg, Configuration: req.Configuration, Metadata: req.Metadata}, nil
}

// notThere is the register's error as A2A has it.
func notThere(err error) error {
	if errors.Is(err, agent.ErrNotFound) {
		return ErrAgentNotFound
	}
	return err
}

// create makes a task of the message.
func (m *Manager) create(ctx context.Context, ref Ref, k *keyed, version agent.Version, id string, req *a2apb.SendMessageRequest, push *registration, files *loose) (Accepted, error) {
	h := head{agent: ref.Agent, version: version.Digest, contextID: req.Message.ContextId, run: 1, inbox: []uint64{1}, trace: inject(ctx)}
	h.hidden = hides(version, req)
	h.modes = req.GetConfiguration().GetAcceptedOutputModes()
	if h.contextID == "" {
		h.contextID = newID()
	}
	var e *edit
	var first, again bool
	var accepted Accepted
	durable, err := m.db.UpdateLater(ctx, func(root storage.Tx) error {
		fresh := h
		e = &edit{root: root, tx: tenant.ScopeTx(root, ref.Tenant), tenant: ref.Tenant, id: id, now: time.Now().UTC(), h: &fresh, loose: files}
		var err error
		if accepted, again, err = k.before(e.tx, e.now); again || err != nil {
			return err
		}
		if first, err = m.insert(e, ref, req, push); err != nil {
			return err
		}
		accepted = Accepted{TaskID: id, ContextID: h.contextID, Seq: 1, Hidden: h.hidden}
		return k.note(e, accepted.Seq)
	})
	if err != nil {
		return Accepted{}, err
	}
	if again {
		return accepted, durable() // as soon as what was accepted first is
	}
	created := make(chan struct{})
	defer close(created)
	early := first && m.keep(e, version, created)
	if early {
		m.enqueue(ctx, ref.Tenant, id)
	}
	if err := durable(); err != nil {
		return Accepted{}, err
	}
	m.metrics().TasksAccepted.Add(1)
	m.publish(e)
	if first && !early {
		m.enqueue(ctx, ref.Tenant, id)
	}
	return accepted, nil
}

// insert writes a new task: its first event, its place in the lists, its turn and its job.
func (m *Manager) insert(e *edit, ref Ref, req *a2apb.SendMessageRequest, push *registration) (first bool, err error) {
	if err := m.agents.Present(e.root, ref.Tenant, ref.Agent); err != nil {
		return false, notThere(err)
	}
	named := req.Message.ContextId != ""
	if e.open, err = m.checkRoom(e.tx, ref.Agent); err != nil {
		return false, err
	}
	if err := checkReferences(e.tx, ref, req.Message); err != nil {
		return false, err
	}
	e.h.created = e.now
	if err := e.tx.Set(contextTaskKey(ref.Agent, e.h.contextID, e.now, e.id), nil); err != nil {
		return false, err
	}
	if err := enter(unspecified, submitted); err != nil {
		return false, err
	}
	if err := e.register(push, m.opts.Push); err != nil {
		return false, err
	}
	e.h.state, e.h.changed = submitted, e.statusTime()
	task := &a2apb.Task{
		Id: e.id, ContextId: e.h.contextID, Metadata: req.Metadata,
		Status:  &a2apb.TaskStatus{State: submitted, Timestamp: timestamppb.New(e.h.changed)},
		History: []*a2apb.Message{e.userMessage(req.Message)},
	}
	if err := e.append(&record{state: submitted}, &a2apb.StreamResponse{Payload: &a2apb.StreamResponse_Task{Task: task}}); err != nil {
		return false, err
	}
	if first, err = e.enqueue(m.opts.Lease, named); err != nil {
		return false, err
	}
	if first {
		m.reserve(e)
	}
	return first, e.save()
}

// enqueue makes a new task a job, now or when its turn comes. The job is in the
// broker in a moment; the due index is for when it is lost. In a context that
// nobody can know of yet there is no turn to wait for.
func (e *edit) enqueue(lease time.Duration, named bool) (first bool, err error) {
	due := e.now.Add(lease)
	if named {
		return e.takeTurn(due)
	}
	return true, e.schedule(due)
}

// sendTo adds the message to a task: it starts the next run of one that waits,
// and is queued for one that is submitted or working.
func (m *Manager) sendTo(ctx context.Context, ref Ref, k *keyed, req *a2apb.SendMessageRequest, push *registration, files *loose) (Accepted, error) {
	msg := req.Message
	var accepted Accepted
	first, again := false, false
	err := m.change(ctx, ref.Tenant, msg.TaskId, func(e *edit) error {
		first = false
		var err error
		if accepted, again, err = k.before(e.tx, e.now); again || err != nil {
			return err
		}
		if err := m.checkNext(e, ref, msg); err != nil {
			return err
		}
		if err := e.register(push, m.opts.Push); err != nil {
			return err
		}
		waiting := Interrupted(e.h.state)
		if waiting {
			e.nextRun()
			e.h.trace = inject(ctx)
		}
		e.loose = files
		if err := e.keep(msg.Parts); err != nil {
			return full(err)
		}
		text, err := proto.Marshal(e.userMessage(msg))
		if err != nil {
			return err
		}
		if err := e.append(&record{message: text}, nil); err != nil {
			return err
		}
		e.h.inbox = append(e.h.inbox, e.h.seq)
		accepted = Accepted{TaskID: e.id, ContextID: e.h.contextID, Seq: e.h.seq}
		if err := k.note(e, accepted.Seq); err != nil {
			return err
		}
		if !waiting {
			return nil
		}
		if err := e.setState(working, nil, 0); err != nil {
			return err
		}
		first, err = e.takeTurn(e.now.Add(m.opts.Lease))
		return err
	})
	if err != nil {
		return Accepted{}, err
	}
	if again {
		return accepted, nil
	}
	m.forget(runKey{ref.Tenant, msg.TaskId}) // it knows of one message only
	if first {
		m.enqueue(ctx, ref.Tenant, msg.TaskId)
	}
	return accepted, nil
}

// checkNext tells whether the task takes the message.
func (m *Manager) checkNext(e *edit, ref Ref, msg *a2apb.Message) error {
	switch {
	case !e.h.shownTo(ref.Agent):
		return ErrTaskNotFound
	case msg.ContextId != "" && msg.ContextId != e.h.contextID:
		return &FieldError{"message.contextId", "is not the context of the task"}
	case Terminal(e.h.state):
		return fmt.Errorf("%w: the task is finished; send a message without taskId to begin another", ErrUnsupportedOperation)
	case len(e.h.inbox)-e.h.taken >= m.opts.MaxPending && !Interrupted(e.h.state):
		return fmt.Errorf("%w: %d messages wait for the task already", ErrBusy, m.opts.MaxPending)
	case e.h.bytes() > uint64(m.opts.MaxLog):
		return errFull
	}
	return checkReferences(e.tx, ref, msg)
}

// errFull refuses a message to a task that has no room for it.
var errFull = fmt.Errorf("%w: the task's log is full; send a message without taskId to begin another", ErrUnsupportedOperation)

// full is what a sender is told of a file that the task has no room for.
func full(err error) error {
	if errors.Is(err, ErrLogFull) {
		return errFull
	}
	return err
}

// userMessage is the message as it is kept: with the ids of its task.
func (e *edit) userMessage(msg *a2apb.Message) *a2apb.Message {
	out := shallow(msg)
	out.TaskId, out.ContextId = e.id, e.h.contextID
	return out
}

// checkRoom holds the agent to MaxQueued. shown is how many unfinished tasks it has
// that callers see.
func (m *Manager) checkRoom(tx storage.Tx, agentName string) (shown int64, err error) {
	open, err := storage.Counter(tx, hiddenCountKey(agentName))
	if err != nil {
		return 0, err
	}
	if shown, err = countOpen(tx, agentName); err != nil {
		return 0, err
	}
	if open += shown; open >= int64(m.opts.MaxQueued) {
		return 0, fmt.Errorf("%w: the agent has %d unfinished ones", ErrBusy, open)
	}
	return shown, nil
}
