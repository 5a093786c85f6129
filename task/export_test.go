package task

import (
	"context"

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
