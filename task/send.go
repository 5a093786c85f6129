package task

import (
	"context"
	"errors"
	"fmt"
	"strings"
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
	return m.send(ctx, ref, newID(), once, req)
}

// send is SendOnce with the id of a task that it may have to make.
func (m *Manager) send(ctx context.Context, ref Ref, id string, once Once, req *a2apb.SendMessageRequest) (Accepted, error) {
	if err := m.checkRequest(req); err != nil {
		return Accepted{}, err
	}
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
	if err := checkModes(req.Message, a.Current.Description.InputModes); err != nil {
		return Accepted{}, err
	}
	if req.Message.TaskId != "" {
		id = req.Message.TaskId
	}
	push, err := m.registration(ctx, taskPlace{ref.Tenant, id}, req.GetConfiguration().GetTaskPushNotificationConfig())
	if err != nil {
		return Accepted{}, err
	}
	if req.Message.TaskId != "" {
		return m.sendTo(ctx, ref, k, req, push)
	}
	return m.create(ctx, ref, k, a.Current, id, req, push)
}

// notThere is the register's error as A2A has it.
func notThere(err error) error {
	if errors.Is(err, agent.ErrNotFound) {
		return ErrAgentNotFound
	}
	return err
}

// create makes a task of the message.
func (m *Manager) create(ctx context.Context, ref Ref, k *keyed, version agent.Version, id string, req *a2apb.SendMessageRequest, push *registration) (Accepted, error) {
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
		e = &edit{root: root, tx: tenant.ScopeTx(root, ref.Tenant), tenant: ref.Tenant, id: id, now: time.Now().UTC(), h: &fresh}
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
	if err := m.checkRoom(e.tx, ref.Agent); err != nil {
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
func (m *Manager) sendTo(ctx context.Context, ref Ref, k *keyed, req *a2apb.SendMessageRequest, push *registration) (Accepted, error) {
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
	case e.h.size > uint64(m.opts.MaxLog):
		return fmt.Errorf("%w: the task's log is full; send a message without taskId to begin another", ErrUnsupportedOperation)
	}
	return checkReferences(e.tx, ref, msg)
}

// userMessage is the message as it is kept: with the ids of its task.
func (e *edit) userMessage(msg *a2apb.Message) *a2apb.Message {
	out := shallow(msg)
	out.TaskId, out.ContextId = e.id, e.h.contextID
	return out
}

func (m *Manager) checkRoom(tx storage.Tx, agentName string) error {
	open, err := storage.Counter(tx, hiddenCountKey(agentName))
	if err != nil {
		return err
	}
	shown, err := countOpen(tx, agentName)
	if err != nil {
		return err
	}
	open += shown
	if open >= int64(m.opts.MaxQueued) {
		return fmt.Errorf("%w: the agent has %d unfinished ones", ErrBusy, open)
	}
	return nil
}

// checkRequest holds the message to the specification (section 4.1.4) and to the bounds.
func (m *Manager) checkRequest(req *a2apb.SendMessageRequest) error {
	msg := req.GetMessage()
	if msg == nil {
		return &FieldError{"message", "is required"}
	}
	if size := proto.Size(req); size > m.opts.MaxMessage {
		return &FieldError{"message", fmt.Sprintf("has %d bytes; %d are the most", size, m.opts.MaxMessage)}
	}
	switch {
	case msg.MessageId == "":
		return &FieldError{"message.messageId", "is required"}
	case len(msg.MessageId) > MaxID:
		return &FieldError{"message.messageId", fmt.Sprintf("is longer than %d bytes", MaxID)}
	case msg.Role != a2apb.Role_ROLE_USER:
		return &FieldError{"message.role", "must be ROLE_USER"}
	case len(msg.Parts) == 0:
		return &FieldError{"message.parts", "must not be empty"}
	case len(msg.ContextId) > MaxID:
		return &FieldError{"message.contextId", fmt.Sprintf("is longer than %d bytes", MaxID)}
	case len(msg.TaskId) > MaxID:
		return ErrTaskNotFound
	case len(msg.ReferenceTaskIds) > MaxReferences:
		return &FieldError{"message.referenceTaskIds", fmt.Sprintf("names more than %d tasks", MaxReferences)}
	}
	for i, p := range msg.Parts {
		if p.GetContent() == nil {
			return &FieldError{fmt.Sprintf("message.parts[%d]", i), "must have one of text, raw, url and data"}
		}
	}
	return checkConfiguration(req.GetConfiguration())
}

func checkConfiguration(c *a2apb.SendMessageConfiguration) error {
	switch {
	case c.GetHistoryLength() < 0:
		return &FieldError{"configuration.historyLength", "must not be negative"}
	case len(c.GetAcceptedOutputModes()) > MaxModes:
		return &FieldError{"configuration.acceptedOutputModes", fmt.Sprintf("names more than %d media types", MaxModes)}
	}
	for i, mode := range c.GetAcceptedOutputModes() {
		if len(mode) > MaxMode { // they lie in the head, which every event writes anew
			return &FieldError{fmt.Sprintf("configuration.acceptedOutputModes[%d]", i), fmt.Sprintf("is longer than %d bytes", MaxMode)}
		}
	}
	return nil
}

// checkModes refuses parts of a media type that the agent does not take. An
// agent that names no types takes all.
func checkModes(msg *a2apb.Message, modes []string) error {
	if len(modes) == 0 {
		return nil
	}
	for i, p := range msg.Parts {
		if p.MediaType != "" && !takes(modes, p.MediaType) {
			return fmt.Errorf("%w: message.parts[%d] is %.100s; the agent takes %s", ErrContentTypeNotSupported, i, p.MediaType, strings.Join(modes, ", "))
		}
	}
	return nil
}

func takes(modes []string, mediaType string) bool {
	mediaType, _, _ = strings.Cut(strings.ToLower(mediaType), ";")
	mediaType = strings.TrimSpace(mediaType)
	for _, mode := range modes {
		mode = strings.ToLower(mode)
		family, any := strings.CutSuffix(mode, "*")
		if mode == mediaType || mode == "*/*" || any && strings.HasPrefix(mediaType, family) {
			return true
		}
	}
	return false
}

// checkReferences holds referenced tasks to the same question as GetTask.
func checkReferences(tx storage.Tx, ref Ref, msg *a2apb.Message) error {
	for _, id := range msg.ReferenceTaskIds {
		if _, err := getHead(tx, ref.Agent, id); err != nil {
			return fmt.Errorf("message.referenceTaskIds: %w", err)
		}
	}
	return nil
}
