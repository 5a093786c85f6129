package badgerdb

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/carrelhq/carrel/storage"
)

var (
	errOpenedReadOnly = errors.New("badgerdb: the store was opened read-only")
	errEngineLost     = errors.New("badgerdb: the engine is lost until the store is opened again")
)

// laterDelay is how long UpdateLater's writes wait for an Update to ride with.
const laterDelay = 3 * time.Millisecond

// group is what will be one Badger transaction. All but done, taken and err is
// guarded by DB.mu.
type group struct {
	updates layers
	seen    layers // the first of them, which views may see already
	waited  bool   // somebody waits for the disk: not everything is seen
	keys    int
	bytes   int
	taken   chan struct{} // closed when the group takes no more
	done    chan struct{} // closed when it is durable, or err is set
	err     error
}

func newGroup() *group {
	return &group{taken: make(chan struct{}), done: make(chan struct{})}
}

func (g *group) empty() bool { return len(g.updates) == 0 }

// Update implements storage.DB.
func (db *DB) Update(ctx context.Context, fn func(storage.Tx) error) error {
	return db.update(ctx, fn, false)
}

// UpdateLater implements storage.DB. It returns at once unless an Update before
// it waits for the disk: then it waits too, because a View that showed the later
// update would show the earlier one before it is durable.
func (db *DB) UpdateLater(ctx context.Context, fn func(storage.Tx) error) error {
	return db.update(ctx, fn, true)
}

func (db *DB) update(ctx context.Context, fn func(storage.Tx) error, later bool) error {
	if db.nested() {
		return storage.ErrNested
	}
	if err := db.takeTurn(ctx); err != nil {
		return err
	}
	g, err := db.run(fn, later)
	if err != nil || g == nil {
		return err
	}
	<-g.done
	return g.err
}

// takeTurn locks turn when the open group has room.
func (db *DB) takeTurn(ctx context.Context) error {
	for {
		db.turn.Lock()
		if err := context.Cause(ctx); err != nil {
			db.turn.Unlock()
			return err
		}
		full := db.full()
		if full == nil {
			return nil
		}
		db.turn.Unlock()
		select {
		case <-full:
		case <-ctx.Done():
		}
	}
}

// full returns what to wait for when the open group takes no more updates.
func (db *DB) full() <-chan struct{} {
	db.mu.Lock()
	defer db.mu.Unlock()
	if db.open.bytes < db.maxBytes() && db.open.keys < db.maxKeys() {
		return nil
	}
	return db.open.taken
}

// An update that begins below these fits into the transaction, whatever it writes.
func (db *DB) maxBytes() int {
	return int(db.engine.MaxBatchSize()) - storage.MaxUpdateBytes - storage.MaxUpdateKeys*perKey - 1024
}

func (db *DB) maxKeys() int { return int(db.engine.MaxBatchCount()) - storage.MaxUpdateKeys - 2 }

// perKey is more than Badger counts for a key beside its bytes.
const perKey = 16

// run calls fn and adds its writes to the open group. It returns the group to
// wait for, or nil when there is nothing to wait for. It gives the turn back.
func (db *DB) run(fn func(storage.Tx) error, later bool) (*group, error) {
	defer db.turn.Unlock()
	if err := db.writable(); err != nil {
		return nil, err
	}
	snap, err := db.enter(db.newest)
	if err != nil {
		return nil, err
	}
	defer db.leave(snap)
	t := db.begin(snap)
	defer t.engine.Discard()
	t.own = new(buffer)
	if err := db.call(t, fn); err != nil {
		return nil, err
	}
	return db.accept(t.own, later), nil
}

func (db *DB) call(t *tx, fn func(storage.Tx) error) error {
	db.running.Store(1)
	defer db.running.Store(0)
	if err := storage.CallUpdate(t, fn); err != nil {
		return err
	}
	return t.own.err
}

// writable refuses updates when the store is read-only. The disk is looked at
// once per group, before anything is in it.
func (db *DB) writable() error {
	db.mu.Lock()
	defer db.mu.Unlock()
	if db.closed {
		return storage.ErrClosed
	}
	if db.failed == nil && !db.open.empty() {
		return nil
	}
	if cause := db.refusal(); cause != nil {
		return readOnly(cause)
	}
	return nil
}

func readOnly(cause error) error { return fmt.Errorf("%w: %w", storage.ErrReadOnly, cause) }

// newest is the state after every update. It must be called with mu held.
func (db *DB) newest() snapshot {
	pending := db.open.updates
	if db.flying != nil {
		pending = db.flying.updates.over(pending)
	}
	return snapshot{db.ts, pending}
}

// accept adds an update to the open group.
func (db *DB) accept(own *buffer, later bool) *group {
	db.mu.Lock()
	defer db.mu.Unlock()
	g := db.open
	if len(own.writes) == 0 {
		return db.unsettled()
	}
	first := g.empty()
	g.updates = g.updates.push(own.layer())
	g.keys += len(own.writes)
	g.bytes += own.bytes + perKey*len(own.writes)
	if later && db.settled() {
		g.seen = g.updates
		db.show()
		if first {
			time.AfterFunc(laterDelay, func() { nudge(db.work) })
		}
		return nil
	}
	g.waited = true
	nudge(db.work)
	return g
}

// settled reports whether views see every accepted update.
func (db *DB) settled() bool {
	return !db.open.waited && (db.flying == nil || !db.flying.waited)
}

// unsettled returns the newest group whose updates views do not see: an update
// that wrote nothing may have read them, so it waits for them.
func (db *DB) unsettled() *group {
	switch {
	case db.open.waited:
		return db.open
	case db.flying != nil && db.flying.waited:
		return db.flying
	}
	return nil
}

// show sets what views see. It must be called with mu held.
func (db *DB) show() {
	pending := db.open.seen
	if db.flying != nil {
		pending = db.flying.seen.over(pending)
	}
	db.seen = snapshot{db.ts, pending}
}

// nudge tells the receiver of c that there is something to do.
func nudge(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
