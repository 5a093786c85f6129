// Package badgerdb is the default storage: Badger on local disk.
//
// Badger syncs once per transaction. This package runs updates one after
// another, each in its caller's goroutine, collects their writes in memory, and
// has one writer that commits what has come together as a single Badger
// transaction with a single sync. So updates are serializable, never conflict,
// never run twice, and share the cost of the disk; while one group is on its way
// to the disk the next one collects on top of it.
//
// What a View sees is always durable.
//
// Badger writes through memory maps, where a full disk is a signal that kills
// the process. The store therefore keeps a reserve of free space and refuses
// updates below it; it takes them again as soon as there is room. When the disk
// fails inside a commit, the outcome of that commit is unknown and the store
// refuses updates until it is opened again; the updates of that commit may or
// may not be there then, each whole or not at all.
//
// The package refuses to share a directory with another process, to open what a
// newer format has written, and to guess at a directory it did not make.
package badgerdb

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"

	badger "github.com/dgraph-io/badger/v4"

	"github.com/carrelhq/carrel/storage"
)

// Options configure Open. Zero values are replaced by the defaults given.
type Options struct {
	// Dir is the directory of the store; it is created with mode 0700 if absent.
	Dir string
	// ReadOnly opens a store that no process has open, without changing it.
	ReadOnly bool
	// MemoryBytes is roughly the memory the engine may use for tables and caches (64 MiB).
	// On Linux about twice as much of its files stays resident beside it.
	MemoryBytes int64
	// ReserveBytes is the free disk space below which updates are refused. By
	// default it follows what the engine may yet write by itself: 24 MiB for a new
	// store, at most about 0.6 GiB for a large one.
	ReserveBytes int64
	// Logger receives what the engine has to say; nil discards it.
	Logger *slog.Logger
}

// DB is a store on disk. It is a storage.DB.
type DB struct {
	opts   Options
	engine *badger.DB
	cache  *cache
	disk   disk
	log    *engineLog

	turn    sync.Mutex   // held by the update whose function runs
	own     buffer       // of its writes
	running atomic.Int32 // 1 while one runs

	mu      sync.Mutex
	ts      uint64         // Badger holds every update up to here
	flying  *group         // on its way to the disk, or nil
	open    *group         // collects
	readers map[uint64]int // open snapshots by timestamp
	failed  error          // a commit went wrong
	closed  bool

	commitLayer func(layer) error // a field, so that a test can let the disk fail
	logged      atomic.Int64      // bytes that went to memtables
	tables      atomic.Int64      // bytes of the engine's tables, a moment ago

	sinceTidy sizes // the writer's: written since tables were last merged for their garbage
	sinceTrim int   // the writer's: bytes written to the value log since written was told

	active   sync.WaitGroup // transactions that use the engine
	work     chan struct{}  // the writer has something to do
	chores   chan func()    // what the writer does between commits
	written  chan struct{}  // much has gone to the value log
	quit     chan struct{}  // closed by Close
	loops    sync.WaitGroup
	closing  sync.Once
	closeErr error
}

// View implements storage.DB.
func (db *DB) View(ctx context.Context, fn func(storage.Tx) error) error {
	if db.nested() {
		return storage.ErrNested
	}
	if err := context.Cause(ctx); err != nil {
		return err
	}
	snap, err := db.enter(db.durable)
	if err != nil {
		return err
	}
	defer db.leave(snap)
	t := db.begin(snap)
	defer t.engine.Discard()
	return fn(t)
}

// nested reports whether the caller is inside the function of an update.
func (db *DB) nested() bool { return db.running.Load() > 0 && storage.InUpdate() }

func (db *DB) begin(snap snapshot) *tx {
	return &tx{engine: db.engine.NewTransactionAt(snap.ts, false), cache: db.cache, base: snap.pending}
}

// enter takes a snapshot and keeps Badger from discarding it.
func (db *DB) enter(pick func() snapshot) (snapshot, error) {
	db.mu.Lock()
	defer db.mu.Unlock()
	if db.closed {
		return snapshot{}, storage.ErrClosed
	}
	if errors.Is(db.failed, errEngineLost) {
		return snapshot{}, db.failed
	}
	snap := pick()
	db.readers[snap.ts]++
	db.active.Add(1)
	return snap, nil
}

func (db *DB) leave(snap snapshot) {
	db.mu.Lock()
	defer db.mu.Unlock()
	if db.readers[snap.ts]--; db.readers[snap.ts] == 0 {
		delete(db.readers, snap.ts)
	}
	db.active.Done()
}

// Close implements storage.DB. It waits for running transactions. On a disk too
// full for what is still in memtables it leaves the engine as a crash would, and
// says so: nothing is lost, and the next Open goes on from the logs. Inside an
// update's function it is ErrNested.
func (db *DB) Close() error {
	if db.nested() {
		return storage.ErrNested
	}
	db.closing.Do(func() {
		db.turn.Lock() // the update that runs is accepted
		db.mu.Lock()
		db.closed = true
		db.mu.Unlock()
		db.turn.Unlock()
		close(db.quit)
		db.loops.Wait()
		db.active.Wait()
		db.closeErr = db.closeEngine()
	})
	return db.closeErr
}

func (db *DB) closeEngine() error {
	if !db.opts.ReadOnly {
		if err := db.disk.check(db.unflushed()); err != nil {
			return fmt.Errorf("closed without tidying up: %w", err)
		}
	}
	return db.engine.Close()
}

// ReadOnlyCause returns why the store refuses writes, as after the disk was
// full, and nil when it takes them. Readiness checks ask it. It looks at the
// disk anew, so it turns to nil once there is room again.
func (db *DB) ReadOnlyCause() error {
	db.mu.Lock()
	defer db.mu.Unlock()
	return db.refusal()
}

// refusal must be called with mu held.
func (db *DB) refusal() error {
	switch {
	case db.failed != nil:
		return db.failed
	case db.opts.ReadOnly:
		return errOpenedReadOnly
	}
	return db.disk.check(db.reserve())
}
