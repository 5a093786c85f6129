package task

import (
	"context"
	"time"

	"github.com/carrelhq/carrel/storage"
	"github.com/carrelhq/carrel/tenant"
)

// looseFor is how long a blob may wait for the update that keeps it.
const looseFor = time.Hour

// clearBlobs removes the blobs of deleted tasks.
func (m *Manager) clearBlobs(ctx context.Context, tasks []runKey) error {
	for {
		found, err := m.blobsOf(ctx, tasks)
		for key, name := range found {
			if err := storage.DeleteBlob(ctx, tenant.Scope(m.db, name), []byte(key)); err != nil {
				return err
			}
		}
		if err != nil || len(found) == 0 {
			return err
		}
	}
}

// blobsOf finds some of the blobs, with their tenants.
func (m *Manager) blobsOf(ctx context.Context, tasks []runKey) (found map[string]string, err error) {
	found = make(map[string]string)
	err = m.db.View(ctx, func(root storage.Tx) error {
		for _, t := range tasks {
			for item, err := range tenant.ScopeTx(root, t.tenant).Scan(blobsKey(t.id), nil) {
				if err != nil {
					return err
				}
				if len(found) == clearBatch {
					return nil
				}
				found[string(item.Key)] = t.tenant
			}
		}
		return nil
	})
	return found, err
}

// SweepBlobs clears away what crashes have left of blobs that nothing came to refer
// to, of all tenants and of uploads. It is called once in a while; what is written
// at the time is left alone.
func (m *Manager) SweepBlobs(ctx context.Context) error {
	before := time.Now().Add(-looseFor)
	if _, err := storage.SweepBlobs(ctx, m.db, before); err != nil {
		return err
	}
	return m.eachTenant(ctx, func(name string) error {
		_, err := storage.SweepBlobs(ctx, tenant.Scope(m.db, name), before)
		return err
	})
}
