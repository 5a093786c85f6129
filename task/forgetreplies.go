package task

import (
	"context"
	"errors"
	"time"

	"github.com/carrelhq/carrel/storage"
	"github.com/carrelhq/carrel/tenant"
)

// replyBatch is how many direct replies one update removes.
const replyBatch = 250

// ForgetReplies removes the tasks of direct replies whose time is over, a bounded
// number of them.
func (m *Manager) ForgetReplies(ctx context.Context) error {
	for range forgetBatches {
		due, err := m.repliesDue(ctx)
		if err != nil || len(due) == 0 {
			return err
		}
		err = m.db.Update(ctx, func(root storage.Tx) error {
			for _, d := range due {
				if err := d.remove(root); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		tasks := make([]runKey, len(due))
		for i, d := range due {
			tasks[i] = d.runKey
		}
		if err := m.clear(ctx, tasks...); err != nil || len(due) < replyBatch {
			return err
		}
	}
	return nil
}

// dueReply is an entry of the index of direct replies by the end of their time.
type dueReply struct {
	at time.Time
	runKey
}

func (m *Manager) repliesDue(ctx context.Context) (due []dueReply, err error) {
	now := time.Now()
	first := now
	err = m.db.View(ctx, func(root storage.Tx) error {
		due = nil
		for item, err := range root.Scan(replyDueSpace, m.replyFront.start(now)) {
			if err != nil {
				return err
			}
			key := storage.ReadKey(item.Key)
			key.Str()
			d := dueReply{key.Time(), runKey{key.Str(), key.Str()}}
			if err := key.Err(); err != nil {
				return err
			}
			if d.at.Before(first) {
				first = d.at
			}
			if d.at.After(now) || len(due) == replyBatch {
				return nil
			}
			due = append(due, d)
		}
		return nil
	})
	if err == nil {
		m.replyFront.found(first)
	}
	return due, err
}

// remove takes the reply's task out of the lists; it may have gone with its context.
func (d dueReply) remove(root storage.Tx) error {
	if err := root.Delete(replyDueKey(d.at, d.tenant, d.id)); err != nil {
		return err
	}
	e := &edit{root: root, tx: tenant.ScopeTx(root, d.tenant), tenant: d.tenant, id: d.id, now: time.Now().UTC()}
	var err error
	if e.h, err = loadHead(e.tx, d.id); errors.Is(err, ErrTaskNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return e.remove()
}
