package task

import (
	"context"
	"time"

	"github.com/carrelhq/carrel/broker"
	"github.com/carrelhq/carrel/storage"
)

// sweepBatch is how many entries of the due index are read at a time.
const sweepBatch = 1000

// Sweep queues every task whose job or lease is due and that no run of this
// process holds: what a crash, a lost lease or a lost job left behind. With
// everything it queues all unfinished tasks that are not resting, due or not, as
// the first start on a store does.
func (m *Manager) Sweep(ctx context.Context, everything bool) error {
	var after []byte
	for {
		jobs, last, err := m.dueAfter(ctx, after, everything)
		if err != nil {
			return err
		}
		for _, job := range jobs {
			if m.holds(runKey{job.Tenant, job.TaskID}) {
				continue
			}
			if err := m.broker.Enqueue(ctx, job); err != nil {
				return err
			}
		}
		if last == nil {
			return nil
		}
		after = last
	}
}

// dueAfter reads a batch of the index; last is nil when there is no more.
func (m *Manager) dueAfter(ctx context.Context, after []byte, everything bool) (jobs []broker.Job, last []byte, err error) {
	now := time.Now()
	err = m.db.View(ctx, func(root storage.Tx) error {
		for item, err := range root.Scan(dueSpace, after) {
			if err != nil {
				return err
			}
			key := storage.ReadKey(item.Key)
			key.Str()
			at := key.Time()
			job := broker.Job{Tenant: key.Str(), TaskID: key.Str()}
			if err := key.Err(); err != nil {
				return err
			}
			if at.After(now) && !everything {
				return nil
			}
			if jobs = append(jobs, job); len(jobs) == sweepBatch {
				last = item.Key
				return nil
			}
		}
		return nil
	})
	return jobs, last, err
}
