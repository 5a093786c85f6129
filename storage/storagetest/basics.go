package storagetest

import (
	"bytes"
	"errors"
	"io"
	"sync"

	"github.com/carrelhq/carrel/storage"
)

func basics() []behaviour {
	return []behaviour{
		{"an update is seen by the view after it", func(t tb, db storage.DB) {
			set(t, db, "a", "1", "b", "2")
			has(t, db, "a", "1", "b", "2", "c", absent)
			set(t, db, "a", "3")
			has(t, db, "a", "3", "b", "2")
		}},
		{"an update sees its own writes", func(t tb, db storage.DB) {
			set(t, db, "a", "1", "b", "2")
			update(t, db, func(tx storage.Tx) error {
				if err := errors.Join(setIn(tx, "a", "new", "c", "3", "a", "newer"), tx.Delete([]byte("b"))); err != nil {
					return err
				}
				return hasIn(tx, "a", "newer", "b", absent, "c", "3")
			})
			has(t, db, "a", "newer", "b", absent, "c", "3")
		}},
		{"an update with many writes sees each of them", seesManyWrites},
		{"a failed update leaves nothing and returns its error unchanged", failedUpdateLeavesNothing},
		{"an empty value is a value", func(t tb, db storage.DB) {
			update(t, db, func(tx storage.Tx) error {
				return errors.Join(tx.Set([]byte("empty"), []byte{}), tx.Set([]byte("nil"), nil), hasIn(tx, "empty", "", "nil", ""))
			})
			has(t, db, "empty", "", "nil", "")
		}},
		{"the empty key is a key", func(t tb, db storage.DB) {
			update(t, db, func(tx storage.Tx) error { return tx.Set(nil, []byte("root")) })
			has(t, db, "", "root")
			view(t, db, func(tx storage.Tx) error { return yields(tx, "", nil, "=root") })
		}},
		{"keys and values are any bytes", func(t tb, db storage.DB) {
			all := make([]byte, 256)
			for i := range all {
				all[i] = byte(i)
			}
			set(t, db, string(all), string(all), "\x00", "zero", "\xff\xff", "ones", "!badger!x", "names of engines too")
			has(t, db, string(all), string(all), "\x00", "zero", "\xff\xff", "ones", "!badger!x", "names of engines too")
		}},
		{"deleting removes, also what is not there", func(t tb, db storage.DB) {
			set(t, db, "a", "1")
			for range 2 {
				update(t, db, func(tx storage.Tx) error { return tx.Delete([]byte("a")) })
				has(t, db, "a", absent)
			}
			set(t, db, "a", "2")
			has(t, db, "a", "2")
		}},
		{"values handed out stay as they are", valuesStay},
		{"a blob of many chunks comes back", blobComesBack},
	}
}

func seesManyWrites(t tb, db storage.DB) {
	const n = 300
	update(t, db, func(tx storage.Tx) error {
		for i := range n {
			if err := setIn(tx, numbered(i), "first"); err != nil {
				return err
			}
		}
		for i := 0; i < n; i += 2 {
			if err := errors.Join(setIn(tx, numbered(i), "second"), hasIn(tx, numbered(i+1), "first", numbered(i), "second")); err != nil {
				return err
			}
		}
		return tx.Delete([]byte(numbered(7)))
	})
	has(t, db, numbered(0), "second", numbered(1), "first", numbered(7), absent, numbered(298), "second", numbered(299), "first")
}

func failedUpdateLeavesNothing(t tb, db storage.DB) {
	set(t, db, "kept", "1", "gone?", "no")
	for name, begin := range ways(db) {
		err := begin(t.Context(), func(tx storage.Tx) error {
			_ = setIn(tx, "kept", "overwritten", "new", "1")
			_ = tx.Delete([]byte("gone?"))
			_ = tx.Add([]byte("count"), 5)
			return errRefused
		})
		if err != errRefused {
			t.Errorf("%s returns %v, want the error of its function unchanged", name, err)
		}
		has(t, db, "kept", "1", "gone?", "no", "new", absent, "count", absent)
		set(t, db, "other", name)
		has(t, db, "kept", "1", "gone?", "no", "new", absent, "count", absent)
	}
}

func valuesStay(t tb, db storage.DB) {
	large := bytes.Repeat([]byte("large "), 20_000)
	set(t, db, "small", "before", "large", string(large))
	var small, big []byte
	var items []storage.Item
	view(t, db, func(tx storage.Tx) (err error) {
		if small, err = tx.Get([]byte("small")); err != nil {
			return err
		}
		if big, err = tx.Get([]byte("large")); err != nil {
			return err
		}
		for item, err := range tx.Scan(nil, nil) {
			if err != nil {
				return err
			}
			items = append(items, item)
		}
		return nil
	})
	set(t, db, "small", "after!", "large", string(bytes.Repeat([]byte("LARGE "), 20_000)))
	if string(small) != "before" || !bytes.Equal(big, large) {
		t.Errorf("values of Get changed after their view ended")
	}
	if len(items) != 2 || string(items[0].Key) != "large" || !bytes.Equal(items[0].Value, large) || string(items[1].Value) != "before" {
		t.Errorf("items of Scan changed after their view ended")
	}
}

func blobComesBack(t tb, db storage.DB) {
	content := bytes.Repeat([]byte("0123456789abcdef"), 70_000)
	put, err := storage.PutBlob(t.Context(), db, []byte("blob"), bytes.NewReader(content), 2<<20)
	if err != nil || put.Size != int64(len(content)) {
		t.Fatalf("PutBlob = size %d, %v", put.Size, err)
	}
	r, err := storage.OpenBlob(t.Context(), db, []byte("blob"))
	if err != nil {
		t.Fatalf("OpenBlob: %v", err)
	}
	defer r.Close()
	if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, content) {
		t.Errorf("read %d bytes, %v; want what was put, %d bytes", len(got), err, len(content))
	}
}

// hammer runs fn n times in each of so many goroutines.
func hammer(t tb, goroutines, n int, fn func(g, i int) error) {
	var wg sync.WaitGroup
	for g := range goroutines {
		wg.Go(func() {
			for i := range n {
				if err := fn(g, i); err != nil {
					t.Errorf("goroutine %d, call %d: %v", g, i, err)
					return
				}
			}
		})
	}
	wg.Wait()
}
