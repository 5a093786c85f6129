package task

import (
	"context"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"

	"github.com/carrelhq/carrel/storage"
	"github.com/carrelhq/carrel/tenant"
)

// Position returns the sequence number of the task's last event and the state
// that it is in, without reading the events: a stream that is taken up again
// needs no more than that.
func (l *Log) Position(ctx context.Context, ref Ref, id string) (seq uint64, state a2apb.TaskState, err error) {
	err = tenant.Scope(l.db, ref.Tenant).View(ctx, func(tx storage.Tx) error {
		h, err := getHead(tx, ref.Agent, id)
		if err != nil {
			return err
		}
		seq, state = h.seq, h.state
		return nil
	})
	return seq, state, err
}
