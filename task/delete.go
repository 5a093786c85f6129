package task

import (
	"context"
	"errors"
	"fmt"

	"github.com/carrelhq/carrel/storage"
	"github.com/carrelhq/carrel/tenant"
)

// Delete removes a finished task with its events and log; a task that is not
// finished is ErrUnsupportedOperation. Deleting twice is ErrTaskNotFound.
func (m *Manager) Delete(ctx context.Context, ref Ref, id string) error {
	err := m.change(ctx, ref.Tenant, id, func(e *edit) error {
		if e.h.agent != ref.Agent {
			return ErrTaskNotFound
		}
		return e.remove()
	})
	if err != nil {
		return err
	}
	return m.clear(ctx, ref.Tenant, id)
}

// remove takes the task out of all lists. Its events go later, in bounded updates.
func (e *edit) remove() error {
	h := e.h
	if !Terminal(h.state) {
		return fmt.Errorf("%w: the task is %s; cancel it first", ErrUnsupportedOperation, stateWord(h.state))
	}
	e.removed = true
	if err := e.removePushes(); err != nil {
		return err
	}
	for _, key := range []storage.Key{
		headKey(e.id), listEntryKey(h.agent, h.changed, e.id), contextTaskKey(h.agent, h.contextID, h.created, e.id),
	} {
		if err := e.tx.Delete(key); err != nil {
			return err
		}
	}
	if err := e.tx.Add(countKey(h.agent, h.state), -1); err != nil {
		return err
	}
	return e.root.Set(goneKey(e.tenant, e.id), nil)
}

// clear removes the events and lines of a deleted task.
func (m *Manager) clear(ctx context.Context, tenantName, id string) error {
	for {
		more := false
		err := m.db.Update(ctx, func(root storage.Tx) error {
			tx := tenant.ScopeTx(root, tenantName)
			n := 0
			for _, prefix := range []storage.Key{eventsKey(id), linesKey(id)} {
				removed, err := removeSome(tx, prefix, clearBatch-n)
				if err != nil {
					return err
				}
				n += removed
			}
			if more = n == clearBatch; more {
				return nil
			}
			return root.Delete(goneKey(tenantName, id))
		})
		if err != nil || !more {
			return err
		}
	}
}

func removeSome(tx storage.Tx, prefix storage.Key, limit int) (n int, err error) {
	var keys [][]byte
	for item, err := range tx.Scan(prefix, nil) {
		if err != nil {
			return 0, err
		}
		if len(keys) == limit {
			break
		}
		keys = append(keys, item.Key)
	}
	for _, key := range keys {
		if err := tx.Delete(key); err != nil {
			return 0, err
		}
	}
	return len(keys), nil
}

// DeleteContext removes the agent's private context, and the tasks of the
// context, which must all be finished.
func (m *Manager) DeleteContext(ctx context.Context, ref Ref, contextID string) error {
	var ids []string
	err := m.view(ctx, ref.Tenant, func(tx storage.Tx) (err error) {
		if ids, err = contextTasks(tx, ref.Agent, contextID); err != nil {
			return err
		}
		for _, id := range ids {
			h, err := loadHead(tx, id)
			if err != nil {
				return err
			}
			if !Terminal(h.state) {
				return fmt.Errorf("%w: task %s of the context is %s; cancel it first", ErrUnsupportedOperation, id, stateWord(h.state))
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, id := range ids {
		if err := m.Delete(ctx, ref, id); err != nil && !errors.Is(err, ErrTaskNotFound) {
			return err
		}
	}
	return m.dropContext(ctx, ref, contextID, len(ids) > 0)
}

// dropContext removes the agent's bytes; a context that had neither tasks nor
// bytes was not there. A task that came meanwhile keeps its turn and the bytes.
func (m *Manager) dropContext(ctx context.Context, ref Ref, contextID string, hadTasks bool) error {
	return tenant.Scope(m.db, ref.Tenant).Update(ctx, func(tx storage.Tx) error {
		for _, err := range tx.Scan(contextTasksKey(ref.Agent, contextID), nil) {
			if err != nil {
				return err
			}
			return fmt.Errorf("%w: a task has come into the context; delete it again", ErrUnsupportedOperation)
		}
		key := contextKey(ref.Agent, contextID)
		_, err := tx.Get(key)
		if errors.Is(err, storage.ErrNotFound) && !hadTasks {
			return ErrTaskNotFound
		}
		if err != nil && !errors.Is(err, storage.ErrNotFound) {
			return err
		}
		if err := tx.Delete(turnKey(ref.Agent, contextID)); err != nil {
			return err
		}
		return tx.Delete(key)
	})
}
