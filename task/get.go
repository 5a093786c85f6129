package task

import (
	"context"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"

	"github.com/carrelhq/carrel/storage"
	"github.com/carrelhq/carrel/tenant"
)

func (m *Manager) view(ctx context.Context, tenantName string, fn func(storage.Tx) error) error {
	return tenant.Scope(m.db, tenantName).View(ctx, fn)
}

// Get returns the task. historyLength nil is all, 0 none, n the n most recent
// messages; negative is ErrInvalidParams. ErrNoRoom, see [WithRoom]. Section 3.1.3.
func (m *Manager) Get(ctx context.Context, ref Ref, id string, historyLength *int32) (*a2apb.Task, error) {
	want, err := selectHistory(historyLength, true)
	if err != nil {
		return nil, err
	}
	return m.read(ctx, ref, id, want, getHead)
}

// get is Get of a task that may be hidden.
func (m *Manager) get(ctx context.Context, ref Ref, id string, want selection) (*a2apb.Task, error) {
	return m.read(ctx, ref, id, want, getAnyHead)
}

func (m *Manager) read(ctx context.Context, ref Ref, id string, want selection, find func(tx storage.Tx, agent, id string) (*head, error)) (t *a2apb.Task, err error) {
	err = m.view(ctx, ref.Tenant, func(tx storage.Tx) error {
		h, err := find(tx, ref.Agent, id)
		if err != nil {
			return err
		}
		t, err = fold(ctx, tx, id, h, want)
		return err
	})
	return t, err
}

// Await waits until the task, as seen after event seq, is finished or waits for
// its caller, and returns it; when ctx ends first, it returns the task as it is
// then, and no error. A task that is hidden is ErrTaskNotFound: see SendAndAwait.
func (m *Manager) Await(ctx context.Context, ref Ref, id string, seq uint64, historyLength *int32) (*a2apb.Task, error) {
	want, err := selectHistory(historyLength, true)
	if err != nil {
		return nil, err
	}
	if _, _, err := m.log.Position(context.WithoutCancel(ctx), ref, id); err != nil {
		return nil, err
	}
	answer, err := m.await(ctx, ref, Accepted{TaskID: id, Seq: seq}, want)
	return answer.GetTask(), err
}

// SendAndAwait is SendOnce and Await in one: the answer to a blocking SendMessage
// (section 3.2.2), which is a message where that is the direct reply.
func (m *Manager) SendAndAwait(ctx context.Context, ref Ref, once Once, req *a2apb.SendMessageRequest) (*a2apb.SendMessageResponse, error) {
	if err := m.CheckMessage(once, req); err != nil {
		return nil, err
	}
	var length *int32
	if c := req.GetConfiguration(); c != nil {
		length = c.HistoryLength
	}
	want, err := selectHistory(length, true)
	if err != nil {
		return nil, err
	}
	id := req.GetMessage().GetTaskId()
	hold := m.log.tails.hold
	if id == "" {
		// From its first event on, the task is followed in memory.
		id, hold = newID(), m.log.tails.begin
	}
	key := tailKey{ref, id}
	tail := hold(key)
	defer m.log.tails.release(key, tail)
	accepted, err := m.send(ctx, ref, id, once, req)
	if err != nil {
		return nil, err
	}
	return m.await(ctx, ref, accepted, want)
}

// await waits for what comes of a message.
func (m *Manager) await(ctx context.Context, ref Ref, a Accepted, want selection) (*a2apb.SendMessageResponse, error) {
	key := tailKey{ref, a.TaskID}
	tail := m.log.tails.hold(key)
	defer m.log.tails.release(key, tail)
	for e, err := range m.log.Follow(ctx, ref, a.TaskID, a.Seq) {
		if err != nil {
			if ctx.Err() != nil {
				break
			}
			return nil, err
		}
		if msg := e.Body.GetMessage(); msg != nil {
			return messageAnswer(msg), nil
		}
		a.Hidden = a.Hidden && !e.Shows
		if Terminal(e.State) || Interrupted(e.State) {
			break
		}
	}
	if events := tail.all(); len(events) > 0 && !a.Hidden {
		return taskAnswer(foldEvents(events, want)), nil
	}
	return m.answer(context.WithoutCancel(ctx), ref, a, want)
}
