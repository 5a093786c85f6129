package storagetest

import (
	"errors"
	"math"

	"github.com/carrelhq/carrel/storage"
)

func counters() []behaviour {
	return []behaviour{
		{"counters add up", func(t tb, db storage.DB) {
			if n := counter(t, db, "n"); n != 0 {
				t.Errorf("a counter that was never added to is %d, want 0", n)
			}
			for _, delta := range []int64{5, -7, math.MaxInt32, 0} {
				update(t, db, func(tx storage.Tx) error { return tx.Add([]byte("n"), delta) })
			}
			if n := counter(t, db, "n"); n != math.MaxInt32-2 {
				t.Errorf("counter = %d, want %d", n, math.MaxInt32-2)
			}
		}},
		{"adds of one update add up and are seen by it", func(t tb, db storage.DB) {
			update(t, db, func(tx storage.Tx) error {
				for range 3 {
					if err := tx.Add([]byte("n"), 2); err != nil {
						return err
					}
				}
				n, err := storage.Counter(tx, []byte("n"))
				if err == nil && n != 6 {
					t.Errorf("inside the update the counter is %d, want 6", n)
				}
				return err
			})
			if n := counter(t, db, "n"); n != 6 {
				t.Errorf("counter = %d, want 6", n)
			}
		}},
		{"concurrent adds lose nothing", func(t tb, db storage.DB) {
			hammer(t, 16, 25, func(g, i int) error {
				begin := db.Update
				if (g+i)%2 == 0 {
					begin = laterAndWait(db)
				}
				return begin(t.Context(), func(tx storage.Tx) error {
					return errors.Join(tx.Add([]byte("all"), 1), tx.Add([]byte("odd and even"), int64(i%2)))
				})
			})
			if n, odd := counter(t, db, "all"), counter(t, db, "odd and even"); n != 400 || odd != 192 {
				t.Errorf("counters = %d and %d, want 400 and 192", n, odd)
			}
		}},
		{"a deleted counter starts again", func(t tb, db storage.DB) {
			update(t, db, func(tx storage.Tx) error { return tx.Add([]byte("n"), 9) })
			update(t, db, func(tx storage.Tx) error {
				return errors.Join(tx.Delete([]byte("n")), tx.Add([]byte("n"), 1))
			})
			if n := counter(t, db, "n"); n != 1 {
				t.Errorf("counter = %d, want 1", n)
			}
		}},
		{"adding to a value that is no counter fails", func(t tb, db storage.DB) {
			set(t, db, "text", "hello")
			err := db.Update(t.Context(), func(tx storage.Tx) error { return tx.Add([]byte("text"), 1) })
			if err == nil {
				t.Errorf("Add to a text succeeds")
			}
			has(t, db, "text", "hello")
		}},
	}
}
