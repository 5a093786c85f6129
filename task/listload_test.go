package task

import (
	"context"
	"time"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"

	"github.com/carrelhq/carrel/storage"
	"github.com/carrelhq/carrel/tenant"
)

// Loaded is a task for Load. An empty ContextID is a context of its own.
type Loaded struct {
	ContextID string
	State     a2apb.TaskState
	At        time.Time // of all its statuses
}

// loadBatch is how many tasks one update writes.
const loadBatch = 150

// Load writes n small tasks as edits do, without a worker and many to an update.
func Load(ctx context.Context, db storage.DB, ref Ref, n int, of func(i int) Loaded) error {
	var wait func() error
	for done := 0; done < n; done += loadBatch {
		var err error
		wait, err = db.UpdateLater(ctx, func(root storage.Tx) error {
			for i := done; i < min(done+loadBatch, n); i++ {
				if err := load(root, ref, of(i)); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return wait()
}

func load(root storage.Tx, ref Ref, l Loaded) error {
	e := &edit{root: root, tx: tenant.ScopeTx(root, ref.Tenant), tenant: ref.Tenant, id: newID(), now: l.At, h: &head{agent: ref.Agent, contextID: l.ContextID, run: 1, created: l.At}}
	if l.ContextID == "" {
		e.h.contextID = newID()
	} else if err := putTurns(e.tx, turnKey(ref.Agent, l.ContextID), nil); err != nil {
		return err
	}
	e.h.grouped = l.ContextID != ""
	if err := e.tx.Set(contextTaskKey(ref.Agent, e.h.contextID, l.At, e.id), nil); err != nil {
		return err
	}
	e.h.state, e.h.changed = submitted, e.statusTime()
	said := &a2apb.Message{MessageId: "m", Role: a2apb.Role_ROLE_USER, Parts: []*a2apb.Part{{Content: &a2apb.Part_Text{Text: "hi"}}}}
	task := &a2apb.Task{Id: e.id, ContextId: e.h.contextID, History: []*a2apb.Message{e.userMessage(said)}}
	if err := e.append(&record{state: submitted}, &a2apb.StreamResponse{Payload: &a2apb.StreamResponse_Task{Task: task}}); err != nil {
		return err
	}
	for _, state := range []a2apb.TaskState{working, l.State} {
		if l.State == submitted || state == e.h.state {
			break
		}
		if err := e.setState(state, nil, 1); err != nil {
			return err
		}
	}
	return e.save()
}
