package task

import (
	"context"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"

	"github.com/carrelhq/carrel/storage"
	"github.com/carrelhq/carrel/tenant"
)

func (m *Manager) view(ctx context.Context, tenantName string, fn func(storage.Tx) error) error {
	return tenant.Scope(m.db, tenantName).View(ctx, fn)
}

// Get returns the task. historyLength nil is all, 0 none, n the n most recent
// messages; negative is ErrInvalidParams. Section 3.1.3.
func (m *Manager) Get(ctx context.Context, ref Ref, id string, historyLength *int32) (t *a2apb.Task, err error) {
	want, err := selectHistory(historyLength, true)
	if err != nil {
		return nil, err
	}
	err = m.view(ctx, ref.Tenant, func(tx storage.Tx) error {
		h, err := getHead(tx, ref.Agent, id)
		if err != nil {
			return err
		}
		t, err = fold(tx, id, h, want)
		return err
	})
	return t, err
}

// Await waits until the task, as seen after event seq, is finished or waits for
// its caller, and returns it; when ctx ends first, it returns the task as it is
// then, and no error.
func (m *Manager) Await(ctx context.Context, ref Ref, id string, seq uint64, historyLength *int32) (*a2apb.Task, error) {
	if _, err := selectHistory(historyLength, true); err != nil {
		return nil, err
	}
	for e, err := range m.log.Follow(ctx, ref, id, seq) {
		if err != nil {
			if ctx.Err() != nil {
				break
			}
			return nil, err
		}
		if Terminal(e.State) || Interrupted(e.State) {
			break
		}
	}
	return m.Get(context.WithoutCancel(ctx), ref, id, historyLength)
}
