package task

import (
	"context"
	"errors"
	"time"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"

	"github.com/carrelhq/carrel/internal/telemetry"
	"github.com/carrelhq/carrel/storage"
	"github.com/carrelhq/carrel/tenant"
)

// DeliveryID names a webhook of a task.
type DeliveryID struct{ Tenant, TaskID, ConfigID string }

// Delivery is what one webhook has to be sent, in the hands of whoever claimed
// it. Its methods are for one goroutine at a time. Its writes are fenced: when
// the config was changed or deleted, or the claim ran out, they fail with ErrFenced.
type Delivery struct {
	DeliveryID
	Ref Ref
	// Config is the webhook; Version the protocol that it was registered in, "1.0" or "0.3".
	Config  *a2apb.TaskPushNotificationConfig
	Version string
	// Seq is the last event that needs no more sending, Attempts the failed
	// attempts at the next one, Failing since when they fail. Probed is the last event
	// behind that one that was tried, 0 for none, and LeftOut counts events that were
	// passed because the webhook refused them.
	Seq      uint64
	Attempts int
	Failing  time.Time
	Probed   uint64
	LeftOut  uint64

	m       *Manager
	fence   uint64
	trace   string
	ended   bool         // the task had, when its events were last read
	newest  uint64       // of these
	durable func() error // waits until views show what the last update saw
}

// deliveryBytes bounds the events that are read for a webhook at a time.
const deliveryBytes = 256 << 10

// errUnclaimed skips a delivery that has nothing to send, or that somebody has.
var errUnclaimed = errors.New("task: not to be claimed")

// WatchDeliveries registers for webhooks that become due in this process, or in
// any that shares the broker, as [broker.Broker.Watch] does.
func (m *Manager) WatchDeliveries() (wake <-chan struct{}, stop func()) {
	return m.broker.Watch(pushTopic)
}

// DueDeliveries reads a batch of the webhooks that are due, the longest due first,
// from behind the given place in the index, nil for its beginning. last is the place to go on, nil when
// there is no more; next is when the first of the others is due, zero when there
// is none. With everything it returns those that are due later, too, as the first
// start on a store needs them.
func (m *Manager) DueDeliveries(ctx context.Context, after []byte, everything bool) (ids []DeliveryID, last []byte, next time.Time, err error) {
	now := time.Now()
	first := now
	begin := after == nil && !everything
	if begin {
		after = m.front.start(now)
	}
	err = m.db.View(ctx, func(root storage.Tx) error {
		for item, err := range root.Scan(pushDueSpace, after) {
			if err != nil {
				return err
			}
			key := storage.ReadKey(item.Key)
			key.Str()
			at, id := key.Time(), DeliveryID{key.Str(), key.Str(), key.Str()}
			if err := key.Err(); err != nil {
				return err
			}
			if at.Before(first) {
				first = at
			}
			if at.After(now) && !everything {
				next = at
				return nil
			}
			if ids = append(ids, id); len(ids) == sweepBatch {
				last = item.Key
				return nil
			}
		}
		return nil
	})
	if begin && err == nil {
		m.front.found(first)
	}
	return ids, last, next, err
}

// ClaimDeliveries takes the deliveries that are due and nobody has; the others it leaves
// out. The claims last for the lease. A config that cannot be decrypted is given up.
func (m *Manager) ClaimDeliveries(ctx context.Context, ids []DeliveryID, lease time.Duration) (claimed []*Delivery, err error) {
	durable, err := m.db.UpdateLater(ctx, func(root storage.Tx) error {
		claimed = nil
		for _, id := range ids {
			d, err := m.claimDelivery(root, id, time.Now().UTC(), lease)
			if errors.Is(err, errUnclaimed) {
				continue
			}
			if err != nil {
				return err
			}
			claimed = append(claimed, d)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for _, d := range claimed {
		d.durable = durable
	}
	return claimed, nil
}

func (m *Manager) claimDelivery(root storage.Tx, id DeliveryID, now time.Time, lease time.Duration) (*Delivery, error) {
	o := outbox{root, tenant.ScopeTx(root, id.Tenant), id}
	c, err := getPushCursor(o.tx, id.TaskID, id.ConfigID)
	if err != nil {
		return nil, err
	}
	if c == nil || c.due.IsZero() || c.due.After(now) && !m.orphaned(c) {
		return nil, errUnclaimed
	}
	h, err := loadHead(o.tx, id.TaskID)
	if err != nil {
		return nil, err
	}
	value, err := o.tx.Get(pushConfigKey(id.TaskID, id.ConfigID))
	if err != nil {
		return nil, err
	}
	hook, err := openPushConfig(value, m.opts.Push.Secrets, taskPlace{id.Tenant, id.TaskID}, id.ConfigID)
	if err != nil {
		c.dead, c.owner, c.fault, c.failed = true, "", "its record cannot be read with this server's key", now
		return nil, errors.Join(errUnclaimed, o.save(c, time.Time{}))
	}
	c.fence++
	c.owner = m.instance
	d := &Delivery{
		DeliveryID: id, Ref: Ref{id.Tenant, h.agent}, Config: hook.config, Version: hook.version,
		Seq: c.seq, Attempts: c.attempts, Failing: c.failing, Probed: c.probed, LeftOut: c.leftOut, m: m, fence: c.fence, trace: h.trace,
	}
	return d, o.save(c, now.Add(lease))
}

// orphaned tells whether whoever claimed the delivery is gone.
func (m *Manager) orphaned(c *pushCursor) bool {
	return c.owner != "" && c.owner != m.instance && !m.opts.Shared
}

// DelayDeliveries puts off what is due and nobody has.
func (m *Manager) DelayDeliveries(ctx context.Context, ids []DeliveryID, until time.Time) error {
	_, err := m.db.UpdateLater(ctx, func(root storage.Tx) error {
		for _, id := range ids {
			o := outbox{root, tenant.ScopeTx(root, id.Tenant), id}
			c, err := getPushCursor(o.tx, id.TaskID, id.ConfigID)
			if err != nil {
				return err
			}
			if c == nil || c.due.IsZero() || c.due.After(time.Now()) {
				continue
			}
			if err := o.save(c, until.UTC()); err != nil {
				return err
			}
		}
		return nil
	})
	return err
}

// Context returns ctx as a part of the trace of the request that the task is of.
func (d *Delivery) Context(ctx context.Context) context.Context {
	return telemetry.Extract(ctx, d.trace)
}

// Events reads some of the events after Seq, and no more than most, which is at
// least 1; none when there are no more yet. Those without a Body are not for sending.
// ErrEventsPurged when they are no longer kept, ErrTaskNotFound when the task was deleted.
func (d *Delivery) Events(ctx context.Context, most int) ([]Event, error) {
	events, err := d.EventsAfter(ctx, d.Seq, most)
	if err != nil || len(events) > 0 || d.durable == nil {
		return events, err
	}
	// An event that an update has seen may not be durable yet.
	wait := d.durable
	d.durable = nil
	if err := wait(); err != nil {
		return nil, err
	}
	return d.EventsAfter(ctx, d.Seq, most)
}

// EventsAfter is Events from another place on, and sees what is durable.
func (d *Delivery) EventsAfter(ctx context.Context, seq uint64, most int) (events []Event, err error) {
	err = d.m.view(ctx, d.Tenant, func(tx storage.Tx) error {
		h, err := loadHead(tx, d.TaskID)
		if err != nil {
			return err
		}
		if d.ended, d.newest = Terminal(h.state), h.seq; h.seq <= seq {
			return nil
		}
		events, err = readEvents(tx, d.TaskID, seq, most, deliveryBytes)
		return err
	})
	return events, err
}

// Ended tells whether the task had ended when its events were last read.
func (d *Delivery) Ended() bool { return d.ended }

// Newest is the number of the newest event that there was then.
func (d *Delivery) Newest() uint64 { return d.newest }

// Task returns the task as it is now, for payloads that are whole tasks.
func (d *Delivery) Task(ctx context.Context) (*a2apb.Task, error) {
	return d.m.Get(ctx, d.Ref, d.TaskID, nil)
}
