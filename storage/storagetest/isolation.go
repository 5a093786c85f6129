package storagetest

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/carrelhq/carrel/storage"
)

func isolation() []behaviour {
	return []behaviour{
		{"a view sees one state to its end", viewSeesOneState},
		{"a view sees an update whole or not at all", viewSeesWholeUpdates},
		{"a view sees every update that returned before it", func(t tb, db storage.DB) {
			hammer(t, 8, 30, func(g, i int) error {
				begin := db.Update
				if (g+i)%3 != 0 {
					begin = laterAndWait(db)
				}
				key := fmt.Sprintf("%d/%d", g, i)
				if err := begin(t.Context(), func(tx storage.Tx) error { return setIn(tx, key, "here", "shared", key) }); err != nil {
					return err
				}
				return db.View(t.Context(), func(tx storage.Tx) error {
					if shared, err := getIn(tx, "shared"); err != nil || shared == absent {
						return fmt.Errorf("shared key is %q, %v", shared, err)
					}
					return hasIn(tx, key, "here")
				})
			})
		}},
		{"a write inside a view is refused", func(t tb, db storage.DB) {
			set(t, db, "a", "1")
			writes := map[string]func(tx storage.Tx) error{
				"Set":    func(tx storage.Tx) error { return tx.Set([]byte("a"), []byte("2")) },
				"Delete": func(tx storage.Tx) error { return tx.Delete([]byte("a")) },
				"Add":    func(tx storage.Tx) error { return tx.Add([]byte("n"), 1) },
			}
			for name, write := range writes {
				if err := db.View(t.Context(), write); !errors.Is(err, storage.ErrReadOnly) {
					t.Errorf("%s inside View = %v, want ErrReadOnly", name, err)
				}
			}
			has(t, db, "a", "1", "n", absent)
		}},
		{"a view returns the error of its function unchanged", func(t tb, db storage.DB) {
			if err := db.View(t.Context(), func(storage.Tx) error { return errRefused }); err != errRefused {
				t.Errorf("View = %v, want the error of its function unchanged", err)
			}
		}},
		{"concurrent increments lose nothing", func(t tb, db storage.DB) {
			set(t, db, "n", "0")
			hammer(t, 16, 25, func(int, int) error { return db.Update(t.Context(), increment) })
			has(t, db, "n", "400")
		}},
		{"updates that read what others write do not cross", writesDoNotSkew},
	}
}

func increment(tx storage.Tx) error {
	text, err := getIn(tx, "n")
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		return err
	}
	return setIn(tx, "n", strconv.Itoa(n+1))
}

// viewSeesOneState changes the store from another goroutine while a view runs.
func viewSeesOneState(t tb, db storage.DB) {
	set(t, db, "a", "1", "b", "1")
	begun, changed := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(changed)
		<-begun
		for name, begin := range ways(db) {
			err := begin(t.Context(), func(tx storage.Tx) error {
				return errors.Join(setIn(tx, "a", "2", "c", "2"), tx.Delete([]byte("b")))
			})
			if err != nil {
				t.Errorf("%s during a view: %v", name, err)
			}
		}
	}()
	err := db.View(t.Context(), func(tx storage.Tx) error {
		before := hasIn(tx, "a", "1")
		close(begun)
		<-changed
		return errors.Join(before, hasIn(tx, "a", "1", "b", "1", "c", absent), yields(tx, "", nil, "a=1", "b=1"))
	})
	if err != nil {
		t.Errorf("inside the view: %v", err)
	}
	has(t, db, "a", "2", "b", absent, "c", "2")
}

func viewSeesWholeUpdates(t tb, db storage.DB) {
	set(t, db, "x", "start", "y", "start")
	hammer(t, 6, 40, func(g, i int) error {
		if g%2 == 0 {
			value := fmt.Sprintf("%d/%d", g, i)
			begin := db.Update
			if i%2 == 0 {
				begin = later(db)
			}
			return begin(t.Context(), func(tx storage.Tx) error { return setIn(tx, "x", value, "y", value) })
		}
		return db.View(t.Context(), func(tx storage.Tx) error {
			x, err := getIn(tx, "x")
			if err != nil {
				return err
			}
			return errors.Join(hasIn(tx, "y", x), yields(tx, "", nil, "x="+x, "y="+x))
		})
	})
}

// writesDoNotSkew lets updates read two keys and change one. That both end up
// taken is what snapshot isolation allows and serializability forbids.
func writesDoNotSkew(t tb, db storage.DB) {
	for round := range 20 {
		set(t, db, "a", "free", "b", "free")
		hammer(t, 2, 1, func(g, _ int) error {
			return db.Update(t.Context(), func(tx storage.Tx) error {
				if err := hasIn(tx, "a", "free", "b", "free"); err != nil {
					return nil // the other one was first
				}
				return setIn(tx, []string{"a", "b"}[g], "taken")
			})
		})
		view(t, db, func(tx storage.Tx) error {
			if hasIn(tx, "a", "taken", "b", "taken") == nil {
				return fmt.Errorf("round %d: both updates found both keys free", round)
			}
			return nil
		})
	}
}
