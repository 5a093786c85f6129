package task

import (
	"errors"
	"time"

	"github.com/carrelhq/carrel/storage"
)

// The outbox of a task's webhooks is its log, with a cursor for each config. The
// update that appends events puts the configs that rest into the due index; a
// task without configs pays nothing for them, and one whose webhooks are behind
// already no write either.

// pushTopic is the broker's topic of webhooks that became due.
const pushTopic = "push"

// putPush writes a config. A new one begins after the given event; one that is
// there goes on where it is, with its failures forgotten.
func (e *edit) putPush(id string, config []byte, after uint64, most int) error {
	c, err := getPushCursor(e.tx, e.id, id)
	if err != nil {
		return err
	}
	if c == nil {
		if e.h.pushes >= most {
			return ErrTooManyConfigs
		}
		e.h.pushes++
		c = &pushCursor{seq: after}
	}
	c.fence++
	c.owner, c.dead, c.leftOut = "", false, 0
	c.forgive()
	if err := e.tx.Set(pushConfigKey(e.id, id), config); err != nil {
		return err
	}
	due := time.Time{}
	if c.seq < e.h.seq {
		due, e.pushDue = e.now, append(e.pushDue, e.outbox(id).at)
	}
	return e.outbox(id).save(c, due)
}

// removePush deletes a config, if it is there.
func (e *edit) removePush(id string) error {
	c, err := getPushCursor(e.tx, e.id, id)
	if err != nil || c == nil {
		return err
	}
	e.h.pushes--
	return e.outbox(id).remove(c)
}

// removePushes deletes all configs of the task.
func (e *edit) removePushes() error {
	if e.h.pushes == 0 {
		return nil
	}
	cursors, err := e.pushCursors()
	for _, c := range cursors {
		err = errors.Join(err, e.outbox(c.id).remove(c.pushCursor))
	}
	e.h.pushes = 0
	return err
}

// wakePushes makes the webhooks due that rest behind the end of the log, and those
// that wait to be tried again with an event that they refuse, when the task ends.
func (e *edit) wakePushes() error {
	if e.h.pushes == 0 || len(e.events) == 0 {
		return nil
	}
	cursors, err := e.pushCursors()
	if err != nil {
		return err
	}
	for _, c := range cursors {
		if !c.wakes(e.h) {
			continue
		}
		e.pushDue = append(e.pushDue, e.outbox(c.id).at)
		if err := e.outbox(c.id).save(c.pushCursor, e.now); err != nil {
			return err
		}
	}
	return nil
}

// wakes tells whether the webhook is to be sent what has come to the task now, and
// not later.
func (c *pushCursor) wakes(h *head) bool {
	switch {
	case c.dead || c.seq >= h.seq:
		return false
	case c.refused:
		return c.owner == "" && Terminal(h.state)
	}
	return c.due.IsZero()
}

type namedCursor struct {
	id string
	*pushCursor
}

func (e *edit) pushCursors() (list []namedCursor, err error) { return scanPushCursors(e.tx, e.id) }

func scanPushCursors(tx storage.Tx, taskID string) (list []namedCursor, err error) {
	for item, err := range tx.Scan(pushCursorsKey(taskID), nil) {
		if err != nil {
			return nil, err
		}
		id, err := lastElement(item.Key)
		if err != nil {
			return nil, err
		}
		c, err := decodePushCursor(item.Value)
		if err != nil {
			return nil, err
		}
		list = append(list, namedCursor{id, c})
	}
	return list, nil
}

// outbox is where one config's cursor and entry in the due index lie.
type outbox struct {
	root, tx storage.Tx
	at       DeliveryID
}

func (e *edit) outbox(config string) outbox {
	return outbox{e.root, e.tx, DeliveryID{e.tenant, e.id, config}}
}

// save writes the cursor, due at the given time; the zero time takes it out of the index.
func (o outbox) save(c *pushCursor, due time.Time) error {
	if !c.due.Equal(due) {
		if err := o.unlist(c); err != nil {
			return err
		}
		if c.due = due; !due.IsZero() {
			if err := o.root.Set(pushDueKey(due, o.at), nil); err != nil {
				return err
			}
		}
	}
	return o.tx.Set(pushCursorKey(o.at.TaskID, o.at.ConfigID), c.encode())
}

func (o outbox) unlist(c *pushCursor) error {
	if c.due.IsZero() {
		return nil
	}
	return o.root.Delete(pushDueKey(c.due, o.at))
}

func (o outbox) remove(c *pushCursor) error {
	return errors.Join(o.unlist(c),
		o.tx.Delete(pushCursorKey(o.at.TaskID, o.at.ConfigID)), o.tx.Delete(pushConfigKey(o.at.TaskID, o.at.ConfigID)))
}
