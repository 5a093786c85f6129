// Package storagetest is the specification of storage as a test suite, with a
// reference store in memory. It refuses to know any implementation: what one
// promises beyond the contract (durability over a crash, its files) it tests itself.
package storagetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/carrelhq/carrel/storage"
)

// Run runs the suite. open returns an empty store for each behaviour and closes it
// when the test ends; the suite may have closed it before.
func Run(t *testing.T, open func(t *testing.T) storage.DB) {
	for _, b := range behaviours() {
		t.Run(b.name, func(t *testing.T) {
			t.Parallel()
			b.check(t, open(t))
		})
	}
}

// tb is what a behaviour needs of a test. The suite's own test hands it a
// recorder instead, to see that faulty stores fail.
type tb interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
	Context() context.Context
}

// behaviour is a sentence of the contract and its check on an empty store.
type behaviour struct {
	name  string
	check func(t tb, db storage.DB)
}

func behaviours() []behaviour {
	return slices.Concat(basics(), counters(), scans(), isolation(), updates(), limits(), scopes(), lifecycle())
}

func view(t tb, db storage.DB, fn func(tx storage.Tx) error) {
	t.Helper()
	if err := db.View(t.Context(), fn); err != nil {
		t.Fatalf("View: %v", err)
	}
}

func update(t tb, db storage.DB, fn func(tx storage.Tx) error) {
	t.Helper()
	if err := db.Update(t.Context(), fn); err != nil {
		t.Fatalf("Update: %v", err)
	}
}

func set(t tb, db storage.DB, pairs ...string) {
	t.Helper()
	update(t, db, func(tx storage.Tx) error { return setIn(tx, pairs...) })
}

func setIn(tx storage.Tx, pairs ...string) error {
	for i := 0; i < len(pairs); i += 2 {
		if err := tx.Set([]byte(pairs[i]), []byte(pairs[i+1])); err != nil {
			return err
		}
	}
	return nil
}

// absent is how get shows a key that is not there.
const absent = "(absent)"

func getIn(tx storage.Tx, key string) (string, error) {
	value, err := tx.Get([]byte(key))
	if errors.Is(err, storage.ErrNotFound) {
		return absent, nil
	}
	return string(value), err
}

// has checks keys and their values in one view.
func has(t tb, db storage.DB, pairs ...string) {
	t.Helper()
	view(t, db, func(tx storage.Tx) error { return hasIn(tx, pairs...) })
}

func hasIn(tx storage.Tx, pairs ...string) error {
	for i := 0; i < len(pairs); i += 2 {
		got, err := getIn(tx, pairs[i])
		if err != nil {
			return err
		}
		if want := pairs[i+1]; got != want {
			return fmt.Errorf("key %q has value %.40q, want %.40q", pairs[i], got, want)
		}
	}
	return nil
}

// scan returns the items of a scan as "key=value".
func scan(tx storage.Tx, prefix string, after []byte) ([]string, error) {
	var out []string
	for item, err := range tx.Scan([]byte(prefix), after) {
		if err != nil {
			return nil, err
		}
		out = append(out, string(item.Key)+"="+string(item.Value))
	}
	return out, nil
}

// scans checks what a scan yields.
func yields(tx storage.Tx, prefix string, after []byte, want ...string) error {
	got, err := scan(tx, prefix, after)
	if err != nil {
		return err
	}
	if !slices.Equal(got, want) {
		return fmt.Errorf("scan of %q after %q yields %q, want %q", prefix, after, got, want)
	}
	return nil
}

func counter(t tb, db storage.DB, key string) (n int64) {
	t.Helper()
	view(t, db, func(tx storage.Tx) (err error) {
		n, err = storage.Counter(tx, []byte(key))
		return err
	})
	return n
}

// errRefused is what checks return from functions that must leave nothing.
var errRefused = errors.New("refused by the check")
