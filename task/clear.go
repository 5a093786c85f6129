package task

import (
	"context"
	"errors"

	"golang.org/x/sync/errgroup"

	"github.com/carrelhq/carrel/agent"
	"github.com/carrelhq/carrel/storage"
	"github.com/carrelhq/carrel/tenant"
)

// Bounds of clearing.
const (
	// clearBatch is how many records one update removes, or one view lists.
	clearBatch = 1000
	// clearTasks is how many tasks one update takes out of the lists, each with a
	// few records and its webhooks.
	clearTasks = 50
	// cancelAtOnce is how many of them are canceled at a time.
	cancelAtOnce = 16
)

// ClearDeleted removes what is left of deleted tasks and agents, in small steps
// that a crash between them only delays. It is called time and again, by one
// process at a time or several.
func (m *Manager) ClearDeleted(ctx context.Context) error {
	agents, err := m.agents.Deleted(ctx, clearBatch)
	for _, a := range agents {
		err = errors.Join(err, m.ClearAgent(ctx, Ref{a.Tenant, a.Agent}))
	}
	tasks, unread := m.gone(ctx)
	return errors.Join(err, unread, m.clear(ctx, tasks...))
}

// gone lists deleted tasks that have events or lines left.
func (m *Manager) gone(ctx context.Context) (left []runKey, err error) {
	err = m.db.View(ctx, func(root storage.Tx) error {
		for item, err := range root.Scan(goneSpace, nil) {
			if err != nil {
				return err
			}
			if len(left) == clearBatch {
				return nil
			}
			key := storage.ReadKey(item.Key)
			key.Str()
			left = append(left, runKey{tenant: key.Str(), id: key.Str()})
			if err := key.Err(); err != nil {
				return err
			}
		}
		return nil
	})
	return left, err
}

// ClearAgent removes all that there is of an agent that was deleted: it cancels
// tasks that are not finished, then removes tasks, contexts, lists and counters,
// and has the name freed. It stops where ctx ends, and goes on when called again.
// For an agent that is there it does nothing.
func (m *Manager) ClearAgent(ctx context.Context, ref Ref) error {
	for {
		tasks, err := m.tasksOfDeleted(ctx, ref)
		if err != nil {
			return ignore(err, errPresent)
		}
		if len(tasks) == 0 {
			break
		}
		if err := m.clearTasks(ctx, ref, tasks); err != nil {
			return ignore(err, errPresent)
		}
	}
	for _, prefix := range agentSpaces(ref.Agent) {
		if err := m.clearSpace(ctx, ref, prefix); err != nil {
			return ignore(err, errPresent)
		}
	}
	return m.agents.Cleared(ctx, ref.Tenant, ref.Agent)
}

// errPresent ends the clearing of an agent that is there: somebody else has
// cleared the one that was deleted, and this is another one.
var errPresent = errors.New("task: the agent is there")

func (m *Manager) checkDeleted(root storage.Tx, ref Ref) error {
	switch err := m.agents.Present(root, ref.Tenant, ref.Agent); {
	case err == nil:
		return errPresent
	case errors.Is(err, agent.ErrNotFound):
		return nil
	default:
		return err
	}
}

// ignore returns err unless it is the given one.
func ignore(err, expected error) error {
	if errors.Is(err, expected) {
		return nil
	}
	return err
}

// listing is a task in the list of its context, where every task is.
type listing struct {
	key []byte
	id  string
}

// tasksOfDeleted lists some tasks of a deleted agent.
func (m *Manager) tasksOfDeleted(ctx context.Context, ref Ref) (tasks []listing, err error) {
	prefix := contextTasksOf(ref.Agent)
	err = m.db.View(ctx, func(root storage.Tx) error {
		if err := m.checkDeleted(root, ref); err != nil {
			return err
		}
		for item, err := range tenant.ScopeTx(root, ref.Tenant).Scan(prefix, nil) {
			if err != nil {
				return err
			}
			if len(tasks) == clearTasks {
				return nil
			}
			key := storage.ReadKey(item.Key[len(prefix):])
			key.Str()
			key.Time()
			tasks = append(tasks, listing{item.Key, key.Str()})
			if err := key.Err(); err != nil {
				return err
			}
		}
		return nil
	})
	return tasks, err
}

// clearTasks removes tasks of a deleted agent. What the agent is when it does so
// does not matter: they are of the one that was deleted.
func (m *Manager) clearTasks(ctx context.Context, ref Ref, tasks []listing) error {
	var ids []runKey
	canceling, canceled := errgroup.WithContext(ctx)
	canceling.SetLimit(cancelAtOnce)
	for _, t := range tasks {
		ids = append(ids, runKey{ref.Tenant, t.id})
		canceling.Go(func() error {
			err := m.cancel(canceled, ref, t.id, true)
			return ignore(ignore(err, ErrTaskNotCancelable), ErrTaskNotFound)
		})
	}
	if err := canceling.Wait(); err != nil {
		return err
	}
	if err := m.unlist(ctx, ref, tasks); err != nil {
		return err
	}
	return m.clear(ctx, ids...)
}

// unlist removes the heads of finished tasks and all that leads to them.
func (m *Manager) unlist(ctx context.Context, ref Ref, tasks []listing) error {
	return m.db.Update(ctx, func(root storage.Tx) error {
		tx := tenant.ScopeTx(root, ref.Tenant)
		for _, t := range tasks {
			h, err := loadHead(tx, t.id)
			if errors.Is(err, ErrTaskNotFound) {
				err = tx.Delete(t.key)
			} else if err == nil {
				e := &edit{root: root, tx: tx, tenant: ref.Tenant, id: t.id, h: h}
				err = e.remove()
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// clearSpace removes the records of a deleted agent that begin with prefix.
func (m *Manager) clearSpace(ctx context.Context, ref Ref, prefix storage.Key) error {
	for n := clearBatch; n == clearBatch; {
		err := m.db.Update(ctx, func(root storage.Tx) (err error) {
			if err := m.checkDeleted(root, ref); err != nil {
				return err
			}
			n, err = removeSome(tenant.ScopeTx(root, ref.Tenant), prefix, clearBatch)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}
