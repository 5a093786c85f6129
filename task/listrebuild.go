package task

import (
	"context"
	"errors"

	"github.com/carrelhq/carrel/storage"
	"github.com/carrelhq/carrel/tenant"
)

// A store from before the lists of lists.go has one list per agent, by time alone,
// and heads that do not say that they are indexed. Every change of such a task
// brings it into the lists; RebuildLists does it for those that do not change.

// ErrRebuilding is returned by List while the lists of an agent are being rebuilt.
var ErrRebuilding = errors.New("the lists of tasks are being rebuilt after an update of the server")

// What one update of a rebuild takes in: tasks, and bytes of their heads.
const (
	rebuildTasks = 200
	rebuildBytes = 256 << 10
)

// RebuildLists brings the lists of a store that an older carrel wrote to what they
// are now, in small updates, and returns when that is done. It goes on where an
// earlier call ended, and returns at once when there is nothing to do.
func (m *Manager) RebuildLists(ctx context.Context) error {
	done, err := m.listsRebuilt(ctx)
	if err == nil && !done {
		err = m.eachTenant(ctx, func(name string) error { return m.rebuildTenant(ctx, name) })
		if err == nil {
			err = m.db.Update(ctx, func(root storage.Tx) error { return root.Set(listFormatKey, []byte{1}) })
		}
	}
	if err == nil {
		m.rebuilt.Store(true)
	}
	return err
}

// eachTenant calls fn with the names of all tenants that have records, each in its
// turn, until it returns an error.
func (m *Manager) eachTenant(ctx context.Context, fn func(name string) error) error {
	for name := ""; ; {
		err := m.db.View(ctx, func(root storage.Tx) (err error) {
			name, err = tenant.Next(root, name)
			return err
		})
		if name == "" || err != nil {
			return err
		}
		if err := fn(name); err != nil {
			return err
		}
	}
}

func (m *Manager) listsRebuilt(ctx context.Context) (done bool, err error) {
	err = m.db.View(ctx, func(root storage.Tx) error {
		_, err := root.Get(listFormatKey)
		done = err == nil
		if errors.Is(err, storage.ErrNotFound) {
			return nil
		}
		return err
	})
	return done, err
}

func (m *Manager) rebuildTenant(ctx context.Context, name string) error {
	var after, last []byte
	for {
		err := m.db.Update(ctx, func(root storage.Tx) (err error) {
			last, err = rebuildSome(root, name, after)
			return err
		})
		if err != nil || last == nil {
			return err
		}
		after = last
	}
}

// rebuildSome takes some tasks of the old lists into the new ones. last is the last
// entry that it took, nil when there was none.
func rebuildSome(root storage.Tx, tenantName string, after []byte) (last []byte, err error) {
	tx := tenant.ScopeTx(root, tenantName)
	var entries []storage.Item
	for item, err := range tx.Scan(oldListSpace, after) {
		if err != nil {
			return nil, err
		}
		if entries = append(entries, item); len(entries) == rebuildTasks {
			break
		}
	}
	written := 0
	for _, item := range entries {
		n, err := rebuildTask(root, tx, tenantName, item.Key)
		if err != nil {
			return nil, err
		}
		last = item.Key
		if written += n; written > rebuildBytes {
			break
		}
	}
	return last, nil
}

// rebuildTask takes a task in and returns the size of its head.
func rebuildTask(root, tx storage.Tx, tenantName string, entry storage.Key) (size int, err error) {
	key := storage.ReadKey(entry)
	key.Str()
	key.Str()
	key.TimeDesc()
	e := &edit{root: root, tx: tx, tenant: tenantName, id: key.Str()}
	if err := key.Err(); err != nil {
		return 0, err
	}
	e.h, err = loadHead(tx, e.id)
	if errors.Is(err, ErrTaskNotFound) || err == nil && e.h.indexed {
		return 0, tx.Delete(entry)
	}
	if err != nil {
		return 0, err
	}
	e.was = e.h.listed()
	return len(e.h.status), e.save()
}

// checkRebuilt refuses a list that is not all there.
func (m *Manager) checkRebuilt(tx storage.Tx, agentName string) error {
	if m.rebuilt.Load() {
		return nil
	}
	for _, err := range tx.Scan(oldListSpace.Str(agentName), nil) {
		if err != nil {
			return err
		}
		return ErrRebuilding
	}
	return nil
}
