package storagetest

import (
	"errors"
	"fmt"

	"github.com/carrelhq/carrel/storage"
)

func scopes() []behaviour {
	return []behaviour{
		{"a scope adds its prefix and takes it away", func(t tb, db storage.DB) {
			scoped := storage.Scope(db, []byte("t1/"))
			set(t, scoped, "a", "1", "b", "2")
			update(t, scoped, func(tx storage.Tx) error { return errors.Join(tx.Add([]byte("n"), 3), tx.Delete([]byte("b"))) })
			has(t, scoped, "a", "1", "b", absent, "t1/a", absent)
			has(t, db, "t1/a", "1", "a", absent)
			if n := counter(t, scoped, "n"); n != 3 || counter(t, db, "t1/n") != 3 {
				t.Errorf("counter in the scope = %d, want 3", n)
			}
			view(t, scoped, func(tx storage.Tx) error {
				keys, err := scan(tx, "a", nil)
				if err == nil && (len(keys) != 1 || keys[0] != "a=1") {
					err = fmt.Errorf("scan in the scope yields %q", keys)
				}
				return err
			})
		}},
		{"a scope does not reach its neighbours", scopeKeepsApart},
		{"scopes nest", func(t tb, db storage.DB) {
			inner := storage.Scope(storage.Scope(db, []byte("a/")), []byte("b/"))
			set(t, inner, "k", "v")
			has(t, db, "a/b/k", "v")
			view(t, inner, func(tx storage.Tx) error { return yields(tx, "", nil, "k=v") })
		}},
		{"a scoped transaction shares the transaction", func(t tb, db storage.DB) {
			update(t, db, func(tx storage.Tx) error {
				one := storage.ScopeTx(tx, []byte("1/"))
				return errors.Join(setIn(one, "k", "one"), setIn(tx, "2/k", "two"), hasIn(tx, "1/k", "one"),
					yields(storage.ScopeTx(tx, []byte("2/")), "", nil, "k=two"))
			})
			err := db.Update(t.Context(), func(tx storage.Tx) error {
				return errors.Join(setIn(storage.ScopeTx(tx, []byte("1/")), "k", "changed"), errRefused)
			})
			if !errors.Is(err, errRefused) {
				t.Errorf("Update = %v", err)
			}
			has(t, db, "1/k", "one", "2/k", "two")
		}},
		{"later updates work in a scope", func(t tb, db storage.DB) {
			scoped := storage.Scope(db, []byte("s/"))
			if err := laterAndWait(scoped)(t.Context(), func(tx storage.Tx) error { return setIn(tx, "k", "v") }); err != nil {
				t.Errorf("UpdateLater = %v", err)
			}
			has(t, scoped, "k", "v")
			has(t, db, "s/k", "v")
		}},
		{"closing a scope closes nothing", func(t tb, db storage.DB) {
			if err := storage.Scope(db, []byte("s/")).Close(); err != nil {
				t.Errorf("Close = %v", err)
			}
			set(t, db, "a", "1")
		}},
	}
}

func scopeKeepsApart(t tb, db storage.DB) {
	one := storage.Scope(db, storage.NewKey("t1"))
	ten := storage.Scope(db, storage.NewKey("t10"))
	set(t, one, "a", "one", "m", "one")
	set(t, ten, "a", "ten", "z", "ten")
	has(t, one, "a", "one", "z", absent)
	has(t, ten, "a", "ten", "m", absent)
	for name, scope := range map[string]storage.DB{"one": one, "ten": ten} {
		other := map[string]string{"one": "z", "ten": "m"}[name]
		view(t, scope, func(tx storage.Tx) error {
			for item, err := range tx.Scan(nil, nil) {
				if err != nil {
					return err
				}
				if string(item.Value) != name || string(item.Key) == other {
					return fmt.Errorf("scope %s sees %q=%q", name, item.Key, item.Value)
				}
			}
			return nil
		})
	}
	view(t, one, func(tx storage.Tx) error {
		return errors.Join(yields(tx, "", nil, "a=one", "m=one"), yields(tx, "", []byte("a"), "m=one"), yields(tx, "", []byte("m")))
	})
	update(t, one, func(tx storage.Tx) error { return tx.Delete([]byte("a")) })
	has(t, ten, "a", "ten")
}
