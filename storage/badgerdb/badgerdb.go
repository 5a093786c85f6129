// Package badgerdb is the default storage: Badger on local disk.
//
// Badger syncs once per transaction. This package has one writer that runs the
// waiting updates one after another, each on its own overlay, inside one Badger
// transaction that is committed with one sync; so updates are serializable,
// never conflict, and share the cost of the disk.
package badgerdb

import (
	"context"
	"io"
	"log/slog"

	"github.com/carrelhq/carrel/storage"
)

// Options configure Open. Zero values are replaced by the defaults given.
type Options struct {
	// Dir is the directory of the store; it is created with mode 0700 if absent.
	Dir string
	// ReadOnly opens a store that no process has open, without changing it.
	ReadOnly bool
	// MemoryBytes is roughly the memory the engine may use for tables and caches (64 MiB).
	MemoryBytes int64
	Logger      *slog.Logger
}

// DB is a store on disk. It is a storage.DB.
type DB struct{}

// Open opens or creates the store in opts.Dir. It refuses, with a sentence that
// says so and what to do, a directory that another process has open (ErrLocked)
// and one that a newer carrel has written (ErrNewerFormat).
func Open(opts Options) (*DB, error) { panic("not built") }

// View implements storage.DB.
func (db *DB) View(ctx context.Context, fn func(storage.Tx) error) error { panic("not built") }

// Update implements storage.DB.
func (db *DB) Update(ctx context.Context, fn func(storage.Tx) error) error { panic("not built") }

// UpdateLater implements storage.DB.
func (db *DB) UpdateLater(ctx context.Context, fn func(storage.Tx) error) error {
	panic("not built")
}

// Close implements storage.DB.
func (db *DB) Close() error { panic("not built") }

// ReadOnlyCause returns why the store refuses writes, as after the disk was
// full, and nil when it takes them. Readiness checks ask it.
func (db *DB) ReadOnlyCause() error { panic("not built") }

// Size returns the bytes the store takes on disk.
func (db *DB) Size() int64 { panic("not built") }

// Backup writes a consistent copy of the running store to w; updates go on meanwhile.
func (db *DB) Backup(ctx context.Context, w io.Writer) error { panic("not built") }

// Restore makes a store in dir, which must be absent or empty, from a backup.
func Restore(ctx context.Context, dir string, r io.Reader) error { panic("not built") }
