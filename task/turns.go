package task

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/carrelhq/carrel/storage"
	"google.golang.org/protobuf/encoding/protowire"
)

// Tasks of one agent in one context take turns: one runs at a time, in order of
// arrival. The queue is one record; the first task in it has the turn. Only that
// one is in the due index and the broker. The update that ends a turn passes it on.
//
// Most contexts see a single task, so a context that we named has no record until
// a second task comes: its first task has the turn without one. Once made, the
// record stays, empty or not, for as long as the context.

const turnTask protowire.Number = 1

// getTurns reads a queue; there is false when there is no record of one.
func getTurns(tx storage.Tx, key storage.Key) (ids []string, there bool, err error) {
	value, err := tx.Get(key)
	if errors.Is(err, storage.ErrNotFound) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	ids, err = decodeTurns(value)
	return ids, true, err
}

func decodeTurns(value []byte) (ids []string, err error) {
	err = readWire(value, func(field protowire.Number, _ uint64, b []byte) {
		if field == turnTask {
			ids = append(ids, string(b))
		}
	})
	if err != nil {
		return nil, fmt.Errorf("task: turns: %w", err)
	}
	return ids, nil
}

func putTurns(tx storage.Tx, key storage.Key, ids []string) error {
	w := make(wire, 0, len(ids)*40)
	for _, id := range ids {
		w.text(turnTask, id)
	}
	return tx.Set(key, w)
}

// takeTurn queues the task for its context, and for a worker if it has the turn
// already; first reports that.
func (e *edit) takeTurn(due time.Time) (first bool, err error) {
	key := turnKey(e.h.agent, e.h.contextID)
	ids, there, err := getTurns(e.tx, key)
	e.h.grouped = true
	if err == nil && !there {
		ids, err = e.turnsBefore()
	}
	if err != nil {
		return false, err
	}
	if len(ids) >= MaxTurns {
		return false, fmt.Errorf("%w for their turn in this context", ErrBusy)
	}
	if err := putTurns(e.tx, key, append(ids, e.id)); err != nil {
		return false, err
	}
	if len(ids) > 0 {
		return false, nil
	}
	return true, e.schedule(due)
}

// turnsBefore finds the task that has the turn without a record: the one task
// the context has had so far, unless it has finished or waits. From now on the
// context has a list, so that task comes into it.
func (e *edit) turnsBefore() (ids []string, err error) {
	others, err := contextTasks(e.tx, e.h.agent, e.h.contextID)
	if err != nil {
		return nil, err
	}
	for _, id := range others {
		if id == e.id {
			continue
		}
		h, err := loadHead(e.tx, id)
		if err != nil {
			return nil, err
		}
		if err := e.group(id, h); err != nil {
			return nil, err
		}
		if !h.due.IsZero() {
			ids = append(ids, id)
		}
	}
	return ids, nil
}

// leaveTurn takes the task out of the queue and passes the turn on if it had it.
func (e *edit) leaveTurn() error {
	if e.h.indexed && !e.h.grouped {
		return nil // a context with a queue has a list, and its tasks are in it
	}
	key := turnKey(e.h.agent, e.h.contextID)
	ids, there, err := getTurns(e.tx, key)
	if err != nil || !there {
		return err
	}
	at := slices.Index(ids, e.id)
	if at < 0 {
		return nil
	}
	ids = slices.Delete(ids, at, at+1)
	if err := putTurns(e.tx, key, ids); err != nil || at > 0 || len(ids) == 0 {
		return err
	}
	return e.passTurn(ids[0])
}

// passTurn puts the next task of the context into the due index.
func (e *edit) passTurn(id string) error {
	next, err := loadHead(e.tx, id)
	if err != nil {
		return fmt.Errorf("task %s has the turn: %w", id, err)
	}
	n := &edit{root: e.root, tx: e.tx, tenant: e.tenant, id: id, now: e.now, h: next}
	if err := n.schedule(e.now); err != nil {
		return err
	}
	e.wake = id
	return e.tx.Set(headKey(id), next.encode())
}
