// Package storage is the contract with durable state: a transactional, ordered
// key/value space that every other package builds its records on.
//
// The package knows nothing of tasks, agents or tenants. Records belong to the
// packages that understand them; because they share a [Tx], a task, its event
// and its job commit together or not at all. Implementations live in packages of
// their own ([github.com/carrelhq/carrel/storage/badgerdb] is the default) and
// pass the suite in storagetest, which is the specification.
//
// Keys are built with [Key], values are opaque bytes. Code that works for one
// tenant is handed the result of [Scope] and cannot name a key outside it.
package storage

import (
	"context"
	"errors"
	"iter"
)

// Limits that every implementation keeps. An update within them always fits.
const (
	// MaxKey is the largest key, in bytes, scopes included.
	MaxKey = 4 << 10
	// MaxValue is the largest value, in bytes. Larger content is a blob, see [PutBlob].
	MaxValue = 512 << 10
	// MaxUpdateBytes bounds the keys and values one update writes, in bytes.
	MaxUpdateBytes = 1 << 20
	// MaxUpdateKeys bounds the number of writes in one update.
	MaxUpdateKeys = 5000
)

// Errors that callers act on. Implementations wrap them, so test with [errors.Is].
var (
	// ErrNotFound is returned by Get for a key that is not there.
	ErrNotFound = errors.New("storage: not found")
	// ErrTooLarge is returned for a key, value or update above the limits. The
	// update leaves nothing and returns it, whatever its function makes of it.
	ErrTooLarge = errors.New("storage: too large")
	// ErrReadOnly is returned for a write inside View, and for every update while
	// the store refuses writes, as it does when the disk is full.
	ErrReadOnly = errors.New("storage: read-only")
	// ErrNested is returned for a call that starts inside an update's function, on its goroutine.
	ErrNested = errors.New("storage: nested update")
	// ErrClosed is returned by every call after Close.
	ErrClosed = errors.New("storage: closed")
)

// DB is an ordered key/value space. It is safe for concurrent use.
//
// The functions handed to View, Update and UpdateLater do memory work only: no
// I/O, no waiting, no calls back into the DB. A call from inside an update's
// function is ErrNested (see [InUpdate]); one from a goroutine that the function
// starts and waits for hangs. A panic in a function leaves nothing of its
// transaction and reaches the caller.
type DB interface {
	// View runs fn on a consistent snapshot of durable updates, which holds every
	// Update that returned before View was called, and returns the error of fn unchanged.
	// Writes made by fn fail with ErrReadOnly. When ctx ends before fn has begun,
	// View returns its cause.
	View(ctx context.Context, fn func(Tx) error) error

	// Update runs fn and commits its writes atomically, or not at all if fn
	// returns an error, which Update then returns unchanged. It returns when the
	// writes are durable: they survive a power cut. Updates are serializable. fn
	// may run more than once, so it must have no effects outside its Tx. When ctx
	// ends before fn has begun, nothing is written and its cause returned; after
	// that the update is carried through and its outcome returned.
	Update(ctx context.Context, fn func(Tx) error) error

	// UpdateLater is Update without the wait for the disk: it returns once fn's
	// writes have their place in the order of updates. Every update after it sees
	// them and is durable only if they are; no View sees them before they are
	// durable. wait blocks until then and returns what Update would have; it may
	// be called from any goroutine, more than once, or never: without it the next
	// sync begins at most 5 ms later. A crash before the sync loses the whole
	// update, and never an earlier one. wait is nil when err is not.
	UpdateLater(ctx context.Context, fn func(Tx) error) (wait func() error, err error)

	// Close makes accepted updates durable and releases the engine. It is safe to call twice.
	Close() error
}

// Tx is one transaction. It is valid until the function it was handed to
// returns and must not be used from another goroutine.
type Tx interface {
	// Get returns the value of key, or ErrNotFound. The slice may be kept and
	// must not be changed; that of the key is the caller's again.
	Get(key []byte) ([]byte, error)

	// Set writes value under key. The transaction keeps both slices: the caller
	// must not change them afterwards. An empty value is a value.
	Set(key, value []byte) error

	// Delete removes key. Deleting what is not there is not an error.
	Delete(key []byte) error

	// Add adds delta to the counter at key, which counts as 0 when absent. It is
	// commutative: concurrent updates that add to one counter do not conflict,
	// and none is lost. Read the sum with [Counter]. A key is either a counter
	// or a value; Add on a value that is not a counter fails.
	Add(key []byte, delta int64) error

	// Scan yields the items whose key starts with prefix and is greater than
	// after, in ascending byte order of their keys; after is a whole key, nil
	// starts at the first. It sees the transaction's own earlier writes. What
	// fn writes while a scan runs may or may not be seen by that scan. A failure
	// is yielded once, as the last pair. Scans may nest.
	Scan(prefix, after []byte) iter.Seq2[Item, error]
}

// Item is one key and its value. Both may be kept and must not be changed.
type Item struct {
	Key, Value []byte
}
