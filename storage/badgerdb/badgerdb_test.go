package badgerdb_test

import (
	"errors"
	"testing"

	"github.com/carrelhq/carrel/storage"
	"github.com/carrelhq/carrel/storage/badgerdb"
	"github.com/carrelhq/carrel/storage/storagetest"
)

func open(t testing.TB, opts badgerdb.Options) *badgerdb.DB {
	t.Helper()
	if opts.Dir == "" {
		opts.Dir = t.TempDir()
	}
	db, err := badgerdb.Open(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func TestBadgerKeepsTheContract(t *testing.T) {
	t.Parallel()
	storagetest.Run(t, func(t *testing.T) storage.DB { return open(t, badgerdb.Options{}) })
}

// TestATransactionThatIsOverIsRefused keeps one beyond its function, where its
// writes would be those of the next update.
func TestATransactionThatIsOverIsRefused(t *testing.T) {
	t.Parallel()
	db := open(t, badgerdb.Options{Dir: t.TempDir()})
	var kept storage.Tx
	for range 2 {
		err := db.Update(t.Context(), func(tx storage.Tx) error {
			if kept != nil {
				if err := kept.Set([]byte("late"), nil); !errors.Is(err, storage.ErrReadOnly) {
					t.Errorf("a write after the end: %v", err)
				}
			}
			kept = tx
			return tx.Set([]byte("key"), nil)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	err := db.View(t.Context(), func(tx storage.Tx) error {
		_, err := tx.Get([]byte("late"))
		return err
	})
	if !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("what was written late: %v", err)
	}
}
