package badgerdb

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/carrelhq/carrel/storage"
)

func randomBytes(n int) []byte {
	out := make([]byte, n)
	r := rand.NewChaCha8([32]byte{1})
	_, _ = r.Read(out)
	return out
}

func TestTheSpaceOfDeletedBlobsIsGivenBack(t *testing.T) {
	t.Parallel()
	db := openFaulty(t)
	data := randomBytes(16 << 20)
	key := func(i int) []byte { return storage.NewKey("b").Uint(uint64(i)) }
	for i := range 12 {
		if _, err := storage.PutBlob(t.Context(), db, key(i), bytes.NewReader(data), 1<<30); err != nil {
			t.Fatal(err)
		}
	}
	full := db.Size()
	for i := range 11 {
		if err := storage.DeleteBlob(t.Context(), db, key(i)); err != nil {
			t.Fatal(err)
		}
	}
	// What goes on meanwhile must not notice.
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for g := range 3 {
		wg.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				name := fmt.Sprint(g, " ", i)
				if err := db.Update(t.Context(), setKey(name)); err != nil || !hasKey(t, db, name) {
					t.Errorf("update %s: %v", name, err)
					return
				}
			}
		})
	}
	db.collect()
	close(stop)
	wg.Wait()
	if left := db.Size(); full < 192<<20 || left > full/2 {
		t.Errorf("%d MiB of %d are left after 11 of 12 blobs were deleted", left>>20, full>>20)
	}
	r, err := storage.OpenBlob(t.Context(), db, key(11))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, data) {
		t.Errorf("the blob that stays is read as %d bytes, %v", len(got), err)
	}
	if db.ReadOnlyCause() != nil {
		t.Error(db.ReadOnlyCause())
	}
}

// TestTheCacheGoesOnAfterTablesWereMerged: that is a state of the store, too.
func TestTheCacheGoesOnAfterTablesWereMerged(t *testing.T) {
	t.Parallel()
	db := openFaulty(t)
	if err := db.Update(t.Context(), setKey("read twice")); err != nil {
		t.Fatal(err)
	}
	before := db.ts
	db.between(func() {
		db.sinceTidy = sizes{deleted: tidyDeletes}
		db.tidy()
	})
	if db.ts == before {
		t.Fatal("nothing was merged")
	}
	for range 2 {
		if !hasKey(t, db, "read twice") {
			t.Fatal("the key is gone")
		}
	}
	if value, ok := db.cache.get([]byte("read twice"), db.ts); !ok || string(value) != "value" {
		t.Errorf("a key that was read twice is not kept: %q, %t", value, ok)
	}
}

func TestOldStatesAreReadWhileGarbageIsCollected(t *testing.T) {
	t.Parallel()
	db := openFaulty(t)
	value := randomBytes(100_000)
	const n = 2 * tidyDeletes
	change := func(value []byte) {
		t.Helper()
		for i := range n {
			if err := db.Update(t.Context(), func(tx storage.Tx) error {
				if value == nil {
					return tx.Delete(fmt.Append(nil, i))
				}
				return tx.Set(fmt.Append(nil, i), value)
			}); err != nil {
				t.Fatal(err)
			}
		}
	}
	change(value)
	begun, collected := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(collected)
		<-begun
		change(nil)
		db.collect()
	}()
	err := db.View(t.Context(), func(tx storage.Tx) error {
		close(begun)
		<-collected
		for i := range n {
			if got, err := tx.Get(fmt.Append(nil, i)); err != nil || !bytes.Equal(got, value) {
				return fmt.Errorf("value %d is read as %d bytes: %w", i, len(got), err)
			}
		}
		return nil
	})
	if err != nil {
		t.Errorf("a view loses its state: %v", err)
	}
}
