package storagetest

import (
	"errors"
	"fmt"

	"github.com/carrelhq/carrel/storage"
)

func lifecycle() []behaviour {
	return []behaviour{
		{"after Close every call is ErrClosed", func(t tb, db storage.DB) {
			set(t, db, "a", "1")
			for range 2 {
				if err := db.Close(); err != nil {
					t.Fatalf("Close = %v", err)
				}
			}
			for name, call := range map[string]updateFunc{
				"View": db.View, "Update": db.Update, "UpdateLater": later(db),
				"scoped View": storage.Scope(db, []byte("s")).View,
			} {
				err := call(t.Context(), func(storage.Tx) error {
					t.Errorf("%s runs its function after Close", name)
					return nil
				})
				if !errors.Is(err, storage.ErrClosed) {
					t.Errorf("%s after Close = %v, want ErrClosed", name, err)
				}
			}
		}},
		{"calls that race with Close succeed or are ErrClosed", func(t tb, db storage.DB) {
			hammer(t, 9, 10, func(g, i int) error {
				var err error
				switch {
				case g == 0 && i == 5:
					err = db.Close()
				case g%3 == 1:
					err = db.View(t.Context(), func(tx storage.Tx) error { return ignore(scan(tx, "", nil)) })
				case g%3 == 2:
					err = later(db)(t.Context(), func(tx storage.Tx) error { return setIn(tx, numbered(i), fmt.Sprint(g)) })
				default:
					err = db.Update(t.Context(), func(tx storage.Tx) error { return setIn(tx, numbered(i), fmt.Sprint(g)) })
				}
				if errors.Is(err, storage.ErrClosed) {
					return nil
				}
				return err
			})
		}},
	}
}

func ignore(_ []string, err error) error { return err }
