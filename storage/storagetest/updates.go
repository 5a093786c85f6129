package storagetest

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"

	"github.com/carrelhq/carrel/storage"
)

// updateFunc is the shape of DB.Update.
type updateFunc = func(context.Context, func(storage.Tx) error) error

// ways yields both kinds of update by name.
func ways(db storage.DB) iter.Seq2[string, updateFunc] {
	return func(yield func(string, updateFunc) bool) {
		_ = yield("Update", db.Update) && yield("UpdateLater", laterAndWait(db))
	}
}

// later is UpdateLater for those who never wait.
func later(db storage.DB) updateFunc {
	return func(ctx context.Context, fn func(storage.Tx) error) error {
		_, err := db.UpdateLater(ctx, fn)
		return err
	}
}

// laterAndWait is UpdateLater for those who wait at once.
func laterAndWait(db storage.DB) updateFunc {
	return func(ctx context.Context, fn func(storage.Tx) error) error {
		wait, err := db.UpdateLater(ctx, fn)
		if err != nil {
			return err
		}
		return wait()
	}
}

func updates() []behaviour {
	return []behaviour{
		{"a later update is seen by updates at once, by views after the wait", laterIsSeen},
		{"the wait for a later update may be repeated and shared", waitIsShared},
		{"updates and later updates keep their order", updatesKeepOrder},
		{"an update whose context has ended does nothing", contextEnded},
		{"a panic in a transaction reaches the caller and leaves nothing", panicLeavesNothing},
		{"a nested call is refused", nestedIsRefused},
		{"an update that writes nothing sees and changes nothing", func(t tb, db storage.DB) {
			set(t, db, "a", "1")
			update(t, db, func(tx storage.Tx) error { return hasIn(tx, "a", "1") })
			has(t, db, "a", "1")
		}},
		{"many writers write side by side", func(t tb, db storage.DB) {
			const writers, each = 64, 15
			hammer(t, writers, each, func(g, i int) error {
				return db.Update(t.Context(), func(tx storage.Tx) error {
					return setIn(tx, numbered(g*each+i), fmt.Sprint(g), fmt.Sprintf("last/%02d", g), fmt.Sprint(i))
				})
			})
			view(t, db, func(tx storage.Tx) error {
				all, err := scan(tx, "n/", nil)
				if err == nil && len(all) != writers*each {
					err = fmt.Errorf("%d keys are there, want %d", len(all), writers*each)
				}
				last, scanErr := scan(tx, "last/", nil)
				for _, item := range last {
					if !strings.HasSuffix(item, fmt.Sprintf("=%d", each-1)) {
						err = errors.Join(err, fmt.Errorf("a writer's last value is %q", item))
					}
				}
				return errors.Join(err, scanErr)
			})
		}},
	}
}

func laterIsSeen(t tb, db storage.DB) {
	for i := range 50 {
		value := fmt.Sprint(i)
		wait, err := db.UpdateLater(t.Context(), func(tx storage.Tx) error { return setIn(tx, "a", value) })
		if err != nil {
			t.Fatalf("UpdateLater: %v", err)
		}
		if err := later(db)(t.Context(), func(tx storage.Tx) error { return hasIn(tx, "a", value) }); err != nil {
			t.Errorf("the next update: %v", err)
		}
		if err := wait(); err != nil {
			t.Errorf("the wait: %v", err)
		}
		has(t, db, "a", value)
		update(t, db, func(tx storage.Tx) error { return hasIn(tx, "a", value) })
	}
}

func waitIsShared(t tb, db storage.DB) {
	wait, err := db.UpdateLater(t.Context(), func(tx storage.Tx) error { return setIn(tx, "a", "1") })
	if err != nil {
		t.Fatalf("UpdateLater: %v", err)
	}
	hammer(t, 4, 3, func(int, int) error {
		if err := wait(); err != nil {
			return err
		}
		return db.View(t.Context(), func(tx storage.Tx) error { return hasIn(tx, "a", "1") })
	})
	set(t, db, "a", "2")
	if err := wait(); err != nil {
		t.Errorf("a wait for what was durable long ago = %v", err)
	}
	has(t, db, "a", "2")
}

// updatesKeepOrder appends to one list by both kinds of update.
func updatesKeepOrder(t tb, db storage.DB) {
	var want strings.Builder
	for i := range 60 {
		begin := later(db)
		if i%7 == 3 {
			begin = db.Update
		}
		err := begin(t.Context(), func(tx storage.Tx) error {
			list, err := getIn(tx, "list")
			if err != nil {
				return err
			}
			return setIn(tx, "list", fmt.Sprintf("%s %d", strings.TrimPrefix(list, absent), i), "last", fmt.Sprint(i))
		})
		if err != nil {
			t.Fatalf("update %d: %v", i, err)
		}
		fmt.Fprintf(&want, " %d", i)
	}
	has(t, db, "list", want.String(), "last", "59")
	set(t, db, "settled", "")
	has(t, db, "list", want.String(), "last", "59")
}

func contextEnded(t tb, db storage.DB) {
	set(t, db, "a", "1")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errRefused)
	for name, begin := range ways(db) {
		err := begin(ctx, func(tx storage.Tx) error {
			t.Errorf("%s runs its function although the context has ended", name)
			return setIn(tx, "a", "2")
		})
		if !errors.Is(err, errRefused) {
			t.Errorf("%s = %v, want the cause of the ended context", name, err)
		}
	}
	if err := db.View(ctx, func(storage.Tx) error { return nil }); !errors.Is(err, errRefused) {
		t.Errorf("View = %v, want the cause of the ended context", err)
	}
	has(t, db, "a", "1")
	// A context that ends while the function runs ends nothing.
	ctx, cancel = context.WithCancelCause(t.Context())
	err := db.Update(ctx, func(tx storage.Tx) error {
		cancel(errRefused)
		return setIn(tx, "a", "3")
	})
	if err != nil {
		t.Errorf("Update whose context ends inside = %v, want nil", err)
	}
	has(t, db, "a", "3")
}

// panicLeavesNothing lets a store hand the panic on or turn it into an error.
func panicLeavesNothing(t tb, db storage.DB) {
	set(t, db, "a", "1")
	begin := map[string]updateFunc{
		"Update": db.Update, "UpdateLater": later(db), "View": db.View,
	}
	for name, begin := range begin {
		err := func() (err error) {
			defer func() {
				if r := recover(); r != nil {
					err = fmt.Errorf("panic: %v", r)
				}
			}()
			return begin(t.Context(), func(tx storage.Tx) error {
				if name != "View" {
					_ = setIn(tx, "a", "2")
				}
				for range tx.Scan(nil, nil) {
					panic("of the check")
				}
				return nil
			})
		}()
		if err == nil || !strings.Contains(err.Error(), "of the check") {
			t.Errorf("%s whose function panics ends with %v, want the panic", name, err)
		}
		has(t, db, "a", "1")
	}
	set(t, db, "a", "3")
	has(t, db, "a", "3")
}

func nestedIsRefused(t tb, db storage.DB) {
	scoped := storage.Scope(db, []byte("s/"))
	for name, begin := range ways(db) {
		err := begin(t.Context(), func(tx storage.Tx) error {
			for inner, call := range map[string]updateFunc{
				"View": db.View, "Update": db.Update, "UpdateLater": later(db), "scoped Update": scoped.Update,
			} {
				err := call(context.Background(), func(storage.Tx) error { return nil })
				if !errors.Is(err, storage.ErrNested) {
					t.Errorf("%s inside %s = %v, want ErrNested", inner, name, err)
				}
			}
			return setIn(tx, "by", name)
		})
		if err != nil {
			t.Errorf("%s around refused calls = %v, want nil", name, err)
		}
		has(t, db, "by", name)
	}
}
