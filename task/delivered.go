package task

import (
	"context"
	"fmt"
	"time"

	"github.com/carrelhq/carrel/storage"
	"github.com/carrelhq/carrel/tenant"
)

// maxFault bounds what is kept of an error, in bytes.
const maxFault = 200

// Advance says that the events up to seq need no more sending; sent tells whether
// the last of them was taken by the webhook, rather than left out. more reports
// that there are others: without any the delivery rests, and is over. It does not
// wait for the disk: after a crash some events are sent again.
func (d *Delivery) Advance(ctx context.Context, seq uint64, sent bool, lease time.Duration) (more bool, err error) {
	return d.advance(ctx, seq, sent, 0, "", lease)
}

// LeaveOut is Advance for a webhook that refused the events up to seq for what they
// are, all but that one if sent, for the reason, which the owner of the config may
// read. They are not sent again.
func (d *Delivery) LeaveOut(ctx context.Context, seq uint64, sent bool, reason string, lease time.Duration) (more bool, err error) {
	left := seq - d.Seq
	if sent {
		left--
	}
	return d.advance(ctx, seq, sent, left, reason, lease)
}

func (d *Delivery) advance(ctx context.Context, seq uint64, sent bool, left uint64, reason string, lease time.Duration) (more bool, err error) {
	err = d.settle(ctx, func(o outbox, c *pushCursor, now time.Time) error {
		h, err := loadHead(o.tx, d.TaskID)
		if err != nil {
			return err
		}
		c.seq = seq
		c.forgive()
		if left > 0 {
			c.leftOut += left
			c.note(now, reason)
		}
		if sent {
			c.delivered++
			c.succeeded = now
		}
		if more = seq < h.seq; !more {
			c.owner = ""
			return o.save(c, time.Time{})
		}
		due := c.due
		if due.Sub(now) < lease/2 {
			due = now.Add(lease)
		}
		return o.save(c, due)
	})
	if err == nil {
		d.Seq, d.Attempts, d.Failing, d.Probed = seq, 0, time.Time{}, 0
		d.LeftOut += left
	}
	return more, err
}

// Retry ends the delivery until the given time: an attempt at the next event has
// failed for the reason, which the owner of the config may read.
func (d *Delivery) Retry(ctx context.Context, at time.Time, reason string) error {
	return d.settle(ctx, func(o outbox, c *pushCursor, now time.Time) error {
		c.fail(now, reason)
		c.owner, c.refused = "", false
		return o.save(c, at.UTC())
	})
}

// Refused is Retry for an event that the webhook refused for what it is. The next
// attempt is at once when the task ends before its time. probed is the last event
// behind that one that was tried, in this round or one before.
func (d *Delivery) Refused(ctx context.Context, at time.Time, reason string, probed uint64) error {
	return d.settle(ctx, func(o outbox, c *pushCursor, now time.Time) error {
		h, err := loadHead(o.tx, d.TaskID)
		if err != nil {
			return err
		}
		if Terminal(h.state) && !d.ended { // meanwhile
			at = now
		}
		c.fail(now, reason)
		c.owner, c.refused, c.probed = "", true, probed
		return o.save(c, at.UTC())
	})
}

// GiveUp ends the delivery for good: the webhook is sent nothing more until its
// config is created anew. Its cursor stays, as the record of what it was not sent.
func (d *Delivery) GiveUp(ctx context.Context, reason string) error {
	return d.settle(ctx, func(o outbox, c *pushCursor, now time.Time) error {
		c.fail(now, reason)
		c.dead, c.owner = true, ""
		return o.save(c, time.Time{})
	})
}

// GiveBack ends the delivery without a verdict, as at shutdown.
func (d *Delivery) GiveBack(ctx context.Context) error {
	return d.settle(ctx, func(o outbox, c *pushCursor, now time.Time) error {
		c.owner = ""
		return o.save(c, now)
	})
}

// Durable waits until the last change of the delivery is on disk.
func (d *Delivery) Durable() error {
	if d.durable == nil {
		return nil
	}
	return d.durable()
}

func (c *pushCursor) fail(now time.Time, reason string) {
	if c.attempts++; c.attempts == 1 {
		c.failing = now
	}
	c.note(now, reason)
}

func (c *pushCursor) note(now time.Time, reason string) {
	c.failed, c.fault = now, reason[:min(len(reason), maxFault)]
}

// settle changes the cursor if the delivery is still claimed.
func (d *Delivery) settle(ctx context.Context, fn func(o outbox, c *pushCursor, now time.Time) error) error {
	durable, err := d.m.db.UpdateLater(ctx, func(root storage.Tx) error {
		o := outbox{root, tenant.ScopeTx(root, d.Tenant), d.DeliveryID}
		c, err := getPushCursor(o.tx, d.TaskID, d.ConfigID)
		if err != nil {
			return err
		}
		if c == nil || c.fence != d.fence {
			return fmt.Errorf("%w: the push notification config was changed", ErrFenced)
		}
		return fn(o, c, time.Now().UTC())
	})
	if err == nil {
		d.durable = durable
	}
	return err
}

// PushHealth is how the webhook of a config goes.
type PushHealth struct {
	ConfigID string `json:"config"`
	// State is "idle" (sent all there is), "pending", "retrying" (the last attempt
	// failed), or "dead" (given up; the events after Seq were not delivered).
	State string `json:"state"`
	// Seq is the last event that needs no more sending, Last the last one there is.
	Seq  uint64 `json:"seq"`
	Last uint64 `json:"last"`
	// Delivered counts the events that the webhook took, LeftOut those that were passed
	// because it refused them, Attempts the failed attempts at the event after Seq.
	Delivered uint64 `json:"delivered"`
	LeftOut   uint64 `json:"left_out,omitempty"`
	Attempts  int    `json:"attempts"`
	// Times are zero for what has not happened.
	LastSuccess time.Time `json:"last_success,omitzero"`
	LastFailure time.Time `json:"last_failure,omitzero"`
	NextAttempt time.Time `json:"next_attempt,omitzero"`
	// LastError is what was wrong at LastFailure.
	LastError string `json:"last_error,omitempty"`
}

// PushHealth tells how the webhooks of a task go, in the order of their ids.
func (m *Manager) PushHealth(ctx context.Context, ref Ref, taskID string) (list []PushHealth, err error) {
	err = m.viewPush(ctx, ref, taskID, func(tx storage.Tx) error {
		list = []PushHealth{}
		h, err := loadHead(tx, taskID)
		if err != nil {
			return err
		}
		cursors, err := scanPushCursors(tx, taskID)
		for _, c := range cursors {
			list = append(list, c.health(h.seq))
		}
		return err
	})
	return list, err
}

func (c namedCursor) health(last uint64) PushHealth {
	h := PushHealth{
		ConfigID: c.id, State: "pending", Seq: c.seq, Last: last, Delivered: c.delivered, LeftOut: c.leftOut, Attempts: c.attempts,
		LastSuccess: c.succeeded, LastFailure: c.failed, LastError: c.fault,
	}
	switch {
	case c.dead:
		h.State = "dead"
	case c.due.IsZero():
		h.State = "idle"
	case c.attempts > 0:
		h.State, h.NextAttempt = "retrying", c.due
	}
	return h
}
