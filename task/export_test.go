package task

import (
	"context"
	"math"
	"strings"

	"github.com/carrelhq/carrel/storage"
	"github.com/carrelhq/carrel/tenant"
)

// SaveBehind stores a context as another run would, behind the back of one that has the turn.
func SaveBehind(ctx context.Context, db storage.DB, ref Ref, contextID string) error {
	return tenant.Scope(db, ref.Tenant).Update(ctx, func(tx storage.Tx) error {
		c, err := getContext(tx, ref.Agent, contextID)
		if err != nil {
			return err
		}
		c.version++
		return tx.Set(contextKey(ref.Agent, contextID), c.encode())
	})
}

// FollowBatch is what a follower reads at a time of a log that nobody else follows.
func FollowBatch(ctx context.Context, l *Log, ref Ref, id string, seq uint64) (events []Event, size int, err error) {
	events, _, err = l.after(ctx, ref, id, &tail{}, seq)
	for _, e := range events {
		size += e.size
	}
	return events, size, err
}

// InMemory is what is kept of a task's events because it is followed.
func InMemory(l *Log, ref Ref, id string) (events, size int) {
	l.tails.mu.Lock()
	defer l.tails.mu.Unlock()
	if tl := l.tails.byTask[tailKey{ref, id}]; tl != nil {
		tl.mu.RLock()
		defer tl.mu.RUnlock()
		for _, e := range tl.events {
			size += e.size
		}
		return len(tl.events), size
	}
	return 0, 0
}

// CountKeys counts the records of idempotency keys, those in the index included.
func CountKeys(ctx context.Context, db storage.DB, tenantName string) (n int, err error) {
	err = db.View(ctx, func(root storage.Tx) error {
		for _, err := range root.Scan(onceDueSpace, nil) {
			if err != nil {
				return err
			}
			n++
		}
		for _, err := range tenant.ScopeTx(root, tenantName).Scan(storage.NewKey("once"), nil) {
			if err != nil {
				return err
			}
			n++
		}
		return nil
	})
	return n, err
}

// Records lists the keys of a tenant's tasks and of the global spaces, but for
// counters that are zero and sets that are empty.
func Records(ctx context.Context, db storage.DB, tenantName string) (keys []string, err error) {
	err = db.View(ctx, func(root storage.Tx) error {
		tx := tenant.ScopeTx(root, tenantName)
		for _, space := range []string{"task", "event", "line", "list", "list-open", "list-count", "task-list", "context-task", "task-count", "task-hidden", "turn", "context", "once"} {
			for item, err := range tx.Scan(storage.NewKey(space), nil) {
				if err != nil {
					return err
				}
				if strings.HasPrefix(space, "task-count") || space == "task-hidden" {
					if n, err := storage.Counter(tx, item.Key); err != nil || n == 0 {
						continue
					}
				}
				if space == "list-open" && len(item.Value) == 0 {
					continue
				}
				keys = append(keys, string(item.Key))
			}
		}
		for _, space := range []storage.Key{dueSpace, goneSpace, onceDueSpace, replyDueSpace} {
			for item, err := range root.Scan(space, nil) {
				if err != nil {
					return err
				}
				keys = append(keys, string(item.Key))
			}
		}
		return nil
	})
	return keys, err
}

// Downgrade gives a store the lists that it had in an older version: one for each
// agent, by time, and heads that know of no other.
func Downgrade(ctx context.Context, db storage.DB, tenantName string) error {
	return db.Update(ctx, func(root storage.Tx) error {
		if err := root.Delete(listFormatKey); err != nil {
			return err
		}
		tx := tenant.ScopeTx(root, tenantName)
		for _, space := range []string{"list", "list-open", "list-count"} {
			if _, err := removeSome(tx, storage.NewKey(space), math.MaxInt); err != nil {
				return err
			}
		}
		for item, err := range tx.Scan(storage.NewKey("task"), nil) {
			if err != nil {
				return err
			}
			h, err := decodeHead(item.Value)
			if err != nil {
				return err
			}
			h.indexed, h.grouped, h.part = false, false, 0
			if err := tx.Set(item.Key, h.encode()); err != nil {
				return err
			}
			if h.hidden {
				continue
			}
			key := storage.ReadKey(item.Key)
			key.Str()
			if err := tx.Set(oldListKey(h.agent, h.changed, key.Str()), []byte{byte(h.state)}); err != nil {
				return err
			}
		}
		return nil
	})
}
