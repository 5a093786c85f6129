package badgerdb

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/carrelhq/carrel/storage"
)

var (
	errOpenedReadOnly = errors.New("badgerdb: the store was opened read-only")
	errEngineLost     = errors.New("badgerdb: the engine is lost until the store is opened again")
)

// laterDelay is how long writes that nobody waits for are kept for a sync to ride with.
const laterDelay = 3 * time.Millisecond

// group is what will be one Badger transaction. All but done, taken and err is
// guarded by DB.mu.
type group struct {
	updates layers
	keys    int
	bytes   int
	taken   chan struct{} // closed when the group takes no more
	done    chan struct{} // closed when it is durable, or err is set
	err     error
	soon    sync.Once // has the group committed although nobody may wait for it
}

func newGroup() *group {
	return &group{taken: make(chan struct{}), done: make(chan struct{})}
}

func (g *group) empty() bool { return len(g.updates) == 0 }

// Update implements storage.DB.
func (db *DB) Update(ctx context.Context, fn func(storage.Tx) error) error {
	g, err := db.update(ctx, fn)
	if err != nil {
		return err
	}
	return db.await(g)
}

// UpdateLater implements storage.DB.
func (db *DB) UpdateLater(ctx context.Context, fn func(storage.Tx) error) (wait func() error, err error) {
	g, err := db.update(ctx, fn)
	if err != nil {
		return nil, err
	}
	if g != nil {
		g.soon.Do(func() { time.AfterFunc(laterDelay, func() { db.hurry(g) }) })
	}
	return func() error { return db.await(g) }, nil
}

// update runs fn and returns the group that has its writes, or those that it may
// have read; nil when all that is durable.
func (db *DB) update(ctx context.Context, fn func(storage.Tx) error) (*group, error) {
	if db.nested() {
		return nil, storage.ErrNested
	}
	if err := db.takeTurn(ctx); err != nil {
		return nil, err
	}
	return db.run(fn)
}

// await has the group committed and returns how that went.
func (db *DB) await(g *group) error {
	if g == nil {
		return nil
	}
	db.hurry(g)
	<-g.done
	return g.err
}

// hurry has the group committed, unless it is on its way.
func (db *DB) hurry(g *group) {
	select {
	case <-g.taken:
	default:
		nudge(db.work)
	}
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

// run calls fn and adds its writes to the open group. It gives the turn back.
func (db *DB) run(fn func(storage.Tx) error) (*group, error) {
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
	t.own = &db.own
	defer func() {
		t.own = nil // who goes on with it is refused
		db.own.reset()
	}()
	if err := db.call(t, fn); err != nil {
		return nil, err
	}
	return db.accept(t.own), nil
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

// durable is the state that views see. It must be called with mu held.
func (db *DB) durable() snapshot { return snapshot{ts: db.ts} }

// newest is the state after every update. It must be called with mu held.
func (db *DB) newest() snapshot {
	pending := db.open.updates
	if db.flying != nil {
		pending = db.flying.updates.over(pending)
	}
	return snapshot{db.ts, pending}
}

// accept adds an update to the open group. One that wrote nothing may have read
// what is not durable yet: it belongs to the newest group that there is.
func (db *DB) accept(own *buffer) *group {
	db.mu.Lock()
	defer db.mu.Unlock()
	g := db.open
	if len(own.writes) > 0 {
		g.updates = g.updates.push(own.layer())
		g.keys += len(own.writes)
		g.bytes += own.bytes + perKey*len(own.writes)
	}
	if g.empty() {
		return db.flying
	}
	return g
}

// nudge tells the receiver of c that there is something to do.
func nudge(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
