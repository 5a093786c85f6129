package task

import (
	"context"
	"errors"
	"iter"
	"sync"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"

	"github.com/carrelhq/carrel/broker"
	"github.com/carrelhq/carrel/storage"
	"github.com/carrelhq/carrel/tenant"
)

// ErrEventsPurged is returned by Follow when the events after the given one are
// not all there: the number is ahead of the log, or events are no longer kept.
var ErrEventsPurged = errors.New("task: events after that one are not kept")

// Bounds of the events that a follower reads at a time, in number and in bytes: it
// holds them until its client has taken them, and may be one of many. There is one
// at least, however large.
const (
	followBatch = 128
	followBytes = 64 << 10
)

// Log reads the event logs of tasks. It is safe for concurrent use.
type Log struct {
	db     storage.DB
	broker broker.Broker
	tails  tails
}

// newLog returns the log of a store. shared says that other processes write events too.
func newLog(db storage.DB, b broker.Broker, shared bool) *Log {
	return &Log{db: db, broker: b, tails: tails{byTask: make(map[tailKey]*tail), shared: shared}}
}

// publish tells followers about committed events.
func (l *Log) publish(ref Ref, id string, events []Event) {
	if len(events) == 0 {
		return
	}
	l.tails.add(tailKey{ref, id}, events)
	l.broker.Notify(topic(ref.Tenant, id))
}

// Snapshot returns the task as it is, with the sequence number of the last
// event it contains: following from there neither misses nor repeats one.
// ErrNoRoom, see [WithRoom].
func (l *Log) Snapshot(ctx context.Context, ref Ref, id string) (t *a2apb.Task, seq uint64, err error) {
	err = tenant.Scope(l.db, ref.Tenant).View(ctx, func(tx storage.Tx) error {
		h, err := getHead(tx, ref.Agent, id)
		if err != nil {
			return err
		}
		seq = h.seq
		t, err = fold(ctx, tx, id, h, all)
		return err
	})
	return t, seq, err
}

// Follow yields the events after the given sequence number, in order, as they
// are committed, and ends after the one that finishes the task. On a finished
// task it yields what is left. It waits without holding anything a writer needs.
// It ends with an error when ctx does ([context.Cause]), when the task is not
// there (ErrTaskNotFound), or when events after seq are no longer kept
// (ErrEventsPurged): then start again from a Snapshot. It follows hidden tasks,
// too: an id that a caller has named is for Position or Snapshot first.
func (l *Log) Follow(ctx context.Context, ref Ref, id string, seq uint64) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		c := l.Cursor(ref, id, seq)
		defer c.Close()
		for {
			e, ok, err := c.Next(ctx)
			if err != nil {
				yield(Event{}, err)
				return
			}
			if !ok || !yield(e, nil) {
				return
			}
		}
	}
}

// Cursor is Follow for who takes the events one by one: it has a place in a log, and
// no goroutine. It is not safe for concurrent use.
type Cursor struct {
	log  *Log
	ref  Ref
	id   string
	seq  uint64 // of the last event that was taken
	tail *tail
	wake <-chan struct{}
	stop func()

	events []Event // that were read
	at     int     // of the next one of them
	shown  int     // of the last one of them that clients see
	over   bool
}

// Cursor returns a cursor before the first event after seq. It must be closed.
func (l *Log) Cursor(ref Ref, id string, seq uint64) *Cursor {
	c := &Cursor{log: l, ref: ref, id: id, seq: seq}
	// Watch before the first read: an event committed in between is then either
	// read or announced, never missed.
	c.wake, c.stop = l.broker.Watch(topic(ref.Tenant, id))
	c.tail = l.tails.hold(tailKey{ref, id})
	return c
}

// Close ends the cursor. It is called once.
func (c *Cursor) Close() {
	c.log.tails.release(tailKey{c.ref, c.id}, c.tail)
	c.stop()
}

// Next waits for the next event. ok is false when there will never be one. After an
// error of ctx it can be called again, under another one.
func (c *Cursor) Next(ctx context.Context) (e Event, ok bool, err error) {
	for c.at == len(c.events) {
		if c.over {
			return Event{}, false, nil
		}
		if c.events, c.over, err = c.log.after(ctx, c.ref, c.id, c.tail, c.seq); err != nil {
			return Event{}, false, err
		}
		c.at, c.shown = 0, lastShown(c.events)
		if len(c.events) > 0 || c.over {
			continue
		}
		select {
		case <-c.wake:
		case <-ctx.Done():
			return Event{}, false, context.Cause(ctx)
		}
	}
	e = c.events[c.at]
	e.More = c.at < c.shown
	c.seq = e.Seq
	c.over = Terminal(e.State)
	if c.at++; c.over || c.at == len(c.events) {
		c.events, c.at = nil, 0 // who waits holds none
	}
	return e, true, nil
}

// lastShown is the index of the last event that clients see, -1 for none.
func lastShown(events []Event) int {
	i := len(events) - 1
	for i >= 0 && events[i].Body == nil {
		i--
	}
	return i
}

// after returns some of the events after seq, from memory if they are there. done
// says that there will never be more.
func (l *Log) after(ctx context.Context, ref Ref, id string, tail *tail, seq uint64) (events []Event, done bool, err error) {
	if err := context.Cause(ctx); err != nil {
		return nil, false, err
	}
	if events, known := tail.after(seq); known {
		return events, false, nil
	}
	err = tenant.Scope(l.db, ref.Tenant).View(ctx, func(tx storage.Tx) error {
		h, err := getAnyHead(tx, ref.Agent, id)
		if err != nil {
			return err
		}
		if seq > h.seq {
			return ErrEventsPurged
		}
		done = seq == h.seq && Terminal(h.state)
		if seq == h.seq {
			return nil
		}
		events, err = readEvents(tx, id, seq, followBatch, followBytes)
		return err
	})
	return events, done, err
}

// readEvents reads the events after seq, which must follow it without a gap: at
// most count, and no more once they have size bytes together.
func readEvents(tx storage.Tx, id string, seq uint64, count, size int) (events []Event, err error) {
	for item, err := range tx.Scan(eventsKey(id), eventKey(id, seq)) {
		if err != nil {
			return nil, err
		}
		records, err := decodeEntry(item)
		if err != nil {
			return nil, err
		}
		for i := range records {
			r := &records[i]
			if r.seq <= seq {
				continue // it was committed together with one that is wanted
			}
			if seq++; r.seq != seq {
				return nil, ErrEventsPurged
			}
			e, err := r.event()
			if err != nil {
				return nil, err
			}
			size -= e.size
			if events = append(events, e); len(events) == count || size <= 0 {
				return events, nil
			}
		}
	}
	if len(events) == 0 {
		return nil, ErrEventsPurged
	}
	return events, nil
}

// wireCache keeps what transports made of an event's body.
type wireCache struct {
	mu   sync.Mutex
	made []encoding // of each key one; there are few
}

type encoding struct {
	key  string
	data []byte
	err  error
}

// Encoded returns encode's result for the event's Body, computed once for all
// followers that share the event, per key. The bytes are shared: do not change them.
func (e Event) Encoded(key string, encode func(*a2apb.StreamResponse) ([]byte, error)) ([]byte, error) {
	if e.wire == nil {
		return encode(e.Body)
	}
	e.wire.mu.Lock()
	defer e.wire.mu.Unlock()
	for _, made := range e.wire.made {
		if made.key == key {
			return made.data, made.err
		}
	}
	data, err := encode(e.Body)
	e.wire.made = append(e.wire.made, encoding{key, data, err})
	return data, err
}
