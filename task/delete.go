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
	return m.delete(ctx, ref, id, false)
}

// delete is Delete, also of a task that is hidden where that is asked for.
func (m *Manager) delete(ctx context.Context, ref Ref, id string, hidden bool) error {
	err := m.change(ctx, ref.Tenant, id, func(e *edit) error {
		if e.h.agent != ref.Agent || e.h.hidden && !hidden {
			return ErrTaskNotFound
		}
		return e.remove()
	})
	if err != nil {
		return err
	}
	return m.clear(ctx, runKey{ref.Tenant, id})
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
	for _, key := range []storage.Key{headKey(e.id), contextTaskKey(h.agent, h.contextID, h.created, e.id)} {
		if err := e.tx.Delete(key); err != nil {
			return err
		}
	}
	if err := e.unlist(h.listed()); err != nil {
		return err
	}
	if err := e.count(h.listed(), -1); err != nil {
		return err
	}
	return e.root.Set(goneKey(e.tenant, e.id), nil)
}

// clear removes the events, lines and blobs of deleted tasks.
func (m *Manager) clear(ctx context.Context, tasks ...runKey) error {
	if err := m.clearBlobs(ctx, tasks); err != nil {
		return err
	}
	for len(tasks) > 0 {
		done := 0
		err := m.db.Update(ctx, func(root storage.Tx) error {
			done = 0
			for room := clearBatch; room > 0 && done < len(tasks); done++ {
				n, err := clearSome(root, tasks[done], room)
				if err != nil {
					return err
				}
				if room -= n; room <= 0 {
					return nil // of this task there may be more
				}
				if err := root.Delete(goneKey(tasks[done].tenant, tasks[done].id)); err != nil {
					return err
				}
				room--
			}
			return nil
		})
		if err != nil {
			return err
		}
		tasks = tasks[done:]
	}
	return nil
}

// clearSome removes events and lines of a task, at most so many.
func clearSome(root storage.Tx, task runKey, most int) (n int, err error) {
	tx := tenant.ScopeTx(root, task.tenant)
	for _, prefix := range []storage.Key{eventsKey(task.id), linesKey(task.id)} {
		removed, err := removeSome(tx, prefix, most-n)
		if n += removed; err != nil {
			return n, err
		}
	}
	return n, nil
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
		if err := m.delete(ctx, ref, id, true); err != nil && !errors.Is(err, ErrTaskNotFound) {
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
