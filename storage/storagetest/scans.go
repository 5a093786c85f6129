package storagetest

import (
	"errors"
	"fmt"

	"github.com/carrelhq/carrel/storage"
)

func numbered(i int) string { return fmt.Sprintf("n/%06d", i) }

func scans() []behaviour {
	return []behaviour{
		{"a scan yields a prefix in byte order", func(t tb, db storage.DB) {
			set(t, db, "b", "1", "p\xff", "4", "p", "1", "p\x00", "2", "pz", "3", "q", "5", "o\xff", "0")
			view(t, db, func(tx storage.Tx) error {
				return errors.Join(
					yields(tx, "p", nil, "p=1", "p\x00=2", "pz=3", "p\xff=4"),
					yields(tx, "none", nil),
					yields(tx, "", nil, "b=1", "o\xff=0", "p=1", "p\x00=2", "pz=3", "p\xff=4", "q=5"))
			})
		}},
		{"a scan of a prefix of 0xFF ends", func(t tb, db storage.DB) {
			set(t, db, "\xff", "1", "\xff\xff", "2", "\xff\xff\xff", "3", "a", "0")
			view(t, db, func(tx storage.Tx) error { return yields(tx, "\xff\xff", nil, "\xff\xff=2", "\xff\xff\xff=3") })
		}},
		{"a scan starts after the key it is given", scanStartsAfter},
		{"a scan sees the writes of its own update", scanSeesOwnWrites},
		{"a scan sees older, later and own writes as one", scanSeesLayers},
		{"scans nest", scansNest},
		{"a scan can be left early", func(t tb, db storage.DB) {
			set(t, db, "a", "1", "b", "2", "c", "3")
			update(t, db, func(tx storage.Tx) error {
				for range tx.Scan(nil, nil) {
					break
				}
				return setIn(tx, "d", "4")
			})
			view(t, db, func(tx storage.Tx) error { return yields(tx, "", nil, "a=1", "b=2", "c=3", "d=4") })
		}},
		{"what is scanned can be deleted on the way", func(t tb, db storage.DB) {
			set(t, db, "x/1", "", "x/2", "", "x/3", "", "y", "stays")
			update(t, db, func(tx storage.Tx) error {
				for item, err := range tx.Scan([]byte("x/"), nil) {
					if err := errors.Join(err, tx.Delete(item.Key)); err != nil {
						return err
					}
				}
				return yields(tx, "", nil, "y=stays")
			})
			view(t, db, func(tx storage.Tx) error { return yields(tx, "", nil, "y=stays") })
		}},
		{"pages of a scan show every key once", scanPages},
	}
}

func scanStartsAfter(t tb, db storage.DB) {
	set(t, db, "k/1", "a", "k/3", "b", "k/5", "c", "l", "d")
	view(t, db, func(tx storage.Tx) error {
		return errors.Join(
			yields(tx, "k/", []byte("k/1"), "k/3=b", "k/5=c"),
			yields(tx, "k/", []byte("k/2"), "k/3=b", "k/5=c"),
			yields(tx, "k/", []byte("k/5")),
			yields(tx, "k/", []byte("k/1\x00"), "k/3=b", "k/5=c"),
			yields(tx, "k/", []byte("l")),
			yields(tx, "k/", []byte("a"), "k/1=a", "k/3=b", "k/5=c"),
			yields(tx, "k/", []byte{}, "k/1=a", "k/3=b", "k/5=c"),
			yields(tx, "k/1", []byte("k/1")))
	})
	update(t, db, func(tx storage.Tx) error {
		return errors.Join(setIn(tx, "k/4", "own"),
			yields(tx, "k/", []byte("k/3"), "k/4=own", "k/5=c"),
			yields(tx, "k/", []byte("k/4"), "k/5=c"))
	})
}

func scanSeesOwnWrites(t tb, db storage.DB) {
	set(t, db, "b", "old", "d", "old", "f", "old")
	update(t, db, func(tx storage.Tx) error {
		err := errors.Join(setIn(tx, "g", "new", "a", "new", "c", "new", "d", "changed"), tx.Delete([]byte("f")), tx.Delete([]byte("none")))
		return errors.Join(err, yields(tx, "", nil, "a=new", "b=old", "c=new", "d=changed", "g=new"),
			setIn(tx, "e", "late", "f", "again"),
			yields(tx, "", nil, "a=new", "b=old", "c=new", "d=changed", "e=late", "f=again", "g=new"))
	})
	view(t, db, func(tx storage.Tx) error {
		return yields(tx, "", nil, "a=new", "b=old", "c=new", "d=changed", "e=late", "f=again", "g=new")
	})
}

func scanSeesLayers(t tb, db storage.DB) {
	set(t, db, "a", "1", "b", "1", "c", "1", "d", "1")
	for _, fn := range []func(tx storage.Tx) error{
		func(tx storage.Tx) error { return errors.Join(setIn(tx, "b", "2", "e", "2"), tx.Delete([]byte("d"))) },
		func(tx storage.Tx) error { return yields(tx, "", nil, "a=1", "b=2", "c=1", "e=2") },
		func(tx storage.Tx) error { return setIn(tx, "c", "3", "d", "3") },
		func(tx storage.Tx) error { return yields(tx, "", []byte("b"), "c=3", "d=3", "e=2") },
	} {
		if err := later(db)(t.Context(), fn); err != nil {
			t.Fatalf("UpdateLater: %v", err)
		}
	}
	update(t, db, func(tx storage.Tx) error {
		return errors.Join(tx.Delete([]byte("a")), setIn(tx, "f", "4"),
			yields(tx, "", nil, "b=2", "c=3", "d=3", "e=2", "f=4"))
	})
	view(t, db, func(tx storage.Tx) error { return yields(tx, "", nil, "b=2", "c=3", "d=3", "e=2", "f=4") })
}

func scansNest(t tb, db storage.DB) {
	set(t, db, "1", "", "2", "", "3", "")
	nested := func(tx storage.Tx) error {
		var got string
		for outer, err := range tx.Scan(nil, nil) {
			if err != nil {
				return err
			}
			for inner, err := range tx.Scan(nil, outer.Key) {
				if err != nil {
					return err
				}
				got += string(outer.Key) + string(inner.Key) + " "
			}
		}
		if want := "12 13 23 "; got != want {
			return fmt.Errorf("nested scans yield %q, want %q", got, want)
		}
		return nil
	}
	view(t, db, nested)
	update(t, db, nested)
	update(t, db, func(tx storage.Tx) error { return errors.Join(setIn(tx, "1", "x"), nested(tx)) })
}

func scanPages(t tb, db storage.DB) {
	const n, page = 1000, 37
	update(t, db, func(tx storage.Tx) error {
		for i := range n {
			if err := setIn(tx, numbered(i), "v"); err != nil {
				return err
			}
		}
		return nil
	})
	var after []byte
	seen := 0
	for more := true; more; {
		more = false
		view(t, db, func(tx storage.Tx) error {
			left := page
			for item, err := range tx.Scan([]byte("n/"), after) {
				if err != nil {
					return err
				}
				if want := numbered(seen); string(item.Key) != want {
					return fmt.Errorf("item %d is %q, want %q", seen, item.Key, want)
				}
				after, more = item.Key, true
				seen++
				if left--; left == 0 {
					break
				}
			}
			return nil
		})
	}
	if seen != n {
		t.Errorf("pages show %d keys, want %d", seen, n)
	}
}
