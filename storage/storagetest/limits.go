package storagetest

import (
	"errors"
	"strings"

	"github.com/carrelhq/carrel/storage"
)

func limits() []behaviour {
	return []behaviour{
		{"an update at the limits fits", limitsFit},
		{"above the limits is ErrTooLarge and leaves nothing", limitsHold},
		{"large updates from many sides all fit", func(t tb, db storage.DB) {
			value := strings.Repeat("v", 100_000)
			hammer(t, 6, 2, func(g, i int) error {
				return db.Update(t.Context(), func(tx storage.Tx) error {
					for n := range 10 {
						if err := setIn(tx, numbered(g*1000+i*100+n), value); err != nil {
							return err
						}
					}
					return tx.Add([]byte("done"), 1)
				})
			})
			if n := counter(t, db, "done"); n != 12 {
				t.Errorf("%d updates are there, want 12", n)
			}
			has(t, db, numbered(0), value, numbered(5109), value)
		}},
	}
}

func limitsFit(t tb, db storage.DB) {
	key := strings.Repeat("k", storage.MaxKey)
	value := strings.Repeat("v", storage.MaxValue)
	set(t, db, key, value)
	has(t, db, key, value)
	rest := strings.Repeat("r", storage.MaxUpdateBytes-storage.MaxValue-len("xyz"))
	set(t, db, "x", value, "y", rest, "z", "")
	has(t, db, "x", value, "y", rest, "z", "")
	// Most writes and most bytes at once.
	each := storage.MaxUpdateBytes/storage.MaxUpdateKeys - len(numbered(0))
	update(t, db, func(tx storage.Tx) error {
		for i := range storage.MaxUpdateKeys {
			if err := setIn(tx, numbered(i), strings.Repeat("v", each)); err != nil {
				return err
			}
		}
		return nil
	})
	has(t, db, numbered(0), strings.Repeat("v", each), numbered(storage.MaxUpdateKeys-1), strings.Repeat("v", each))
	update(t, db, func(tx storage.Tx) error {
		for i := range storage.MaxUpdateKeys {
			if err := tx.Delete([]byte(numbered(i))); err != nil {
				return err
			}
		}
		return nil
	})
	view(t, db, func(tx storage.Tx) error { return yields(tx, "n/", nil) })
}

func limitsHold(t tb, db storage.DB) {
	half := strings.Repeat("v", storage.MaxValue)
	tooLarge := map[string]func(tx storage.Tx) error{
		"a key":   func(tx storage.Tx) error { return setIn(tx, strings.Repeat("k", storage.MaxKey+1), "") },
		"a value": func(tx storage.Tx) error { return setIn(tx, "a", half+"v") },
		"an update in bytes": func(tx storage.Tx) error {
			return setIn(tx, "a", half, "b", half)
		},
		"an update in bytes under one key": func(tx storage.Tx) error {
			return setIn(tx, "a", half, "a", half, "a", half)
		},
		"an update in writes": func(tx storage.Tx) error {
			for i := range storage.MaxUpdateKeys {
				if err := setIn(tx, numbered(i), ""); err != nil {
					return err
				}
			}
			return nil
		},
	}
	for name, write := range tooLarge {
		attempt := func(tx storage.Tx) error { return errors.Join(setIn(tx, "first", "1"), write(tx)) }
		if err := db.Update(t.Context(), attempt); !errors.Is(err, storage.ErrTooLarge) {
			t.Errorf("%s = %v, want ErrTooLarge", name, err)
		}
		ignore := func(tx storage.Tx) error { _ = attempt(tx); return nil }
		if err := db.Update(t.Context(), ignore); !errors.Is(err, storage.ErrTooLarge) {
			t.Errorf("%s, the error ignored by the function = %v, want ErrTooLarge", name, err)
		}
		view(t, db, func(tx storage.Tx) error { return yields(tx, "", nil) })
	}
}
