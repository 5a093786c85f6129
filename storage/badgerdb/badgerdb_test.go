package badgerdb_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/carrelhq/carrel/storage"
	"github.com/carrelhq/carrel/storage/badgerdb"
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

func TestSmoke(t *testing.T) {
	db := open(t, badgerdb.Options{})
	ctx := context.Background()
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			for j := range 20 {
				f := db.Update
				if j%3 == 0 {
					f = db.UpdateLater
				}
				if err := f(ctx, func(tx storage.Tx) error {
					if err := tx.Set(fmt.Appendf(nil, "k%d/%d", i, j), []byte("v")); err != nil {
						return err
					}
					return tx.Add([]byte("n"), 1)
				}); err != nil {
					t.Error(err)
				}
				db.View(ctx, func(tx storage.Tx) error {
					if _, err := tx.Get(fmt.Appendf(nil, "k%d/%d", i, j)); err != nil {
						t.Error(err, i, j)
					}
					return nil
				})
			}
		})
	}
	wg.Wait()
	db.View(ctx, func(tx storage.Tx) error {
		n, err := storage.Counter(tx, []byte("n"))
		c := 0
		for range tx.Scan([]byte("k"), nil) {
			c++
		}
		fmt.Println(n, c, err)
		return nil
	})
	fmt.Println(db.Update(ctx, func(storage.Tx) error { return db.Update(ctx, nil) }), db.Size(), db.ReadOnlyCause())
}
