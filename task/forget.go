package task

import (
	"context"
	"time"

	"github.com/carrelhq/carrel/storage"
	"github.com/carrelhq/carrel/tenant"
)

// forgetBatch is how many keys one update forgets, forgetBatches how many updates
// are made for it in a row: leases are renewed between two calls.
const (
	forgetBatch   = 1000
	forgetBatches = 50
)

// ForgetKeys forgets idempotency keys whose time is over, a bounded number of them.
func (m *Manager) ForgetKeys(ctx context.Context) error {
	for range forgetBatches {
		due, err := m.keysDue(ctx)
		if err != nil || len(due) == 0 {
			return err
		}
		err = m.db.Update(ctx, func(root storage.Tx) error {
			for _, d := range due {
				if err := d.forget(root); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil || len(due) < forgetBatch {
			return err
		}
	}
	return nil
}

// dueOnce is an entry of the index of keys by the end of their time.
type dueOnce struct {
	at   time.Time
	ref  Ref
	once Once
}

func (m *Manager) keysDue(ctx context.Context) (due []dueOnce, err error) {
	now := time.Now()
	first := now
	err = m.db.View(ctx, func(root storage.Tx) error {
		due = nil
		for item, err := range root.Scan(onceDueSpace, m.onceFront.start(now)) {
			if err != nil {
				return err
			}
			key := storage.ReadKey(item.Key)
			key.Str()
			d := dueOnce{at: key.Time(), ref: Ref{Tenant: key.Str(), Agent: key.Str()}, once: Once{Caller: key.Str(), Key: key.Str()}}
			if err := key.Err(); err != nil {
				return err
			}
			if d.at.Before(first) {
				first = d.at
			}
			if d.at.After(now) || len(due) == forgetBatch {
				return nil
			}
			due = append(due, d)
		}
		return nil
	})
	if err == nil {
		m.onceFront.found(first)
	}
	return due, err
}

// forget removes the entry, and the key unless it was used anew.
func (d dueOnce) forget(root storage.Tx) error {
	tx := tenant.ScopeTx(root, d.ref.Tenant)
	r, err := getOnce(tx, d.ref.Agent, d.once)
	if err != nil {
		return err
	}
	if r != nil && r.expires.Equal(d.at) {
		if err := tx.Delete(onceKey(d.ref.Agent, d.once)); err != nil {
			return err
		}
	}
	return root.Delete(onceDueKey(d.at, d.ref, d.once))
}
