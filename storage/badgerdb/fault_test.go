package badgerdb

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"syscall"
	"testing"

	"github.com/carrelhq/carrel/storage"
)

func openFaulty(t *testing.T) *DB {
	t.Helper()
	db, err := Open(Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func setKey(key string) func(tx storage.Tx) error {
	return func(tx storage.Tx) error { return tx.Set([]byte(key), []byte("value")) }
}

func hasKey(t *testing.T, db *DB, key string) bool {
	t.Helper()
	err := db.View(t.Context(), func(tx storage.Tx) error {
		_, err := tx.Get([]byte(key))
		return err
	})
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		t.Fatal(err)
	}
	return err == nil
}

// later is UpdateLater for those who never wait.
func later(db *DB) func(context.Context, func(storage.Tx) error) error {
	return func(ctx context.Context, fn func(storage.Tx) error) error {
		_, err := db.UpdateLater(ctx, fn)
		return err
	}
}

func TestADiskThatRunsFullRefusesUpdatesUntilThereIsRoom(t *testing.T) {
	t.Parallel()
	db := openFaulty(t)
	if err := db.Update(t.Context(), setKey("before")); err != nil {
		t.Fatal(err)
	}
	real := db.disk.free
	full := true
	var mu sync.Mutex
	db.disk.free = func(dir string) (int64, error) {
		mu.Lock()
		defer mu.Unlock()
		if full {
			return 1 << 20, nil
		}
		return real(dir)
	}
	for range 3 {
		for _, begin := range []func(context.Context, func(storage.Tx) error) error{db.Update, later(db)} {
			err := begin(t.Context(), func(tx storage.Tx) error {
				t.Error("the function runs although the disk is full")
				return nil
			})
			if !errors.Is(err, storage.ErrReadOnly) || !errors.Is(err, errDiskFull) {
				t.Errorf("an update on a full disk = %v, want ErrReadOnly and its cause", err)
			}
		}
	}
	if !errors.Is(db.ReadOnlyCause(), errDiskFull) || !hasKey(t, db, "before") {
		t.Errorf("cause = %v; what was there can be read: %v", db.ReadOnlyCause(), hasKey(t, db, "before"))
	}
	mu.Lock()
	full = false
	mu.Unlock()
	if err := db.Update(t.Context(), setKey("after")); err != nil || db.ReadOnlyCause() != nil {
		t.Errorf("with room again: %v, cause %v", err, db.ReadOnlyCause())
	}
}

func TestADiskThatCannotBeAskedRefusesUpdates(t *testing.T) {
	t.Parallel()
	db := openFaulty(t)
	real := db.disk.free
	db.disk.free = func(string) (int64, error) { return 0, syscall.EIO }
	if err := db.Update(t.Context(), setKey("a")); !errors.Is(err, storage.ErrReadOnly) || !errors.Is(err, syscall.EIO) {
		t.Errorf("Update = %v, want ErrReadOnly and its cause", err)
	}
	db.disk.free = real // for Close
}

func TestACommitThatFailsMakesTheStoreReadOnlyForGood(t *testing.T) {
	t.Parallel()
	db := openFaulty(t)
	if err := db.Update(t.Context(), setKey("before")); err != nil {
		t.Fatal(err)
	}
	gate := make(chan struct{})
	db.commitLayer = func(layer) error { <-gate; return syscall.ENOSPC }
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			err := db.Update(t.Context(), setKey(fmt.Sprint("lost", i)))
			if !errors.Is(err, storage.ErrReadOnly) || !errors.Is(err, syscall.ENOSPC) {
				t.Errorf("Update = %v, want ErrReadOnly and its cause", err)
			}
		})
	}
	close(gate)
	wg.Wait()
	if _, err := db.UpdateLater(t.Context(), setKey("later")); !errors.Is(err, storage.ErrReadOnly) {
		t.Errorf("UpdateLater = %v, want ErrReadOnly", err)
	}
	if !errors.Is(db.ReadOnlyCause(), syscall.ENOSPC) {
		t.Errorf("cause = %v", db.ReadOnlyCause())
	}
	if !hasKey(t, db, "before") || hasKey(t, db, "lost1") || hasKey(t, db, "later") {
		t.Error("views do not show the state before the failed commit")
	}
}

func TestAnEngineWithoutMemtableIsNotRead(t *testing.T) {
	t.Parallel()
	db := openFaulty(t)
	db.commitLayer = func(layer) error { return errors.New("writeRequests err: cannot create new mem table err: EMFILE") }
	if err := db.Update(t.Context(), setKey("a")); !errors.Is(err, storage.ErrReadOnly) {
		t.Errorf("Update = %v, want ErrReadOnly", err)
	}
	if err := db.View(t.Context(), func(storage.Tx) error { return nil }); !errors.Is(err, errEngineLost) {
		t.Errorf("View = %v, want that the engine is lost", err)
	}
}

func TestAValueLogThatCannotBeSyncedFailsTheCommit(t *testing.T) {
	t.Parallel()
	db := openFaulty(t)
	db.log.Errorf("Error while curlf sync: %v\n", syscall.EIO)
	if err := db.Update(t.Context(), setKey("a")); !errors.Is(err, storage.ErrReadOnly) {
		t.Errorf("Update = %v, want ErrReadOnly", err)
	}
}

func TestNoViewShowsAnUpdateBeforeItIsDurable(t *testing.T) {
	t.Parallel()
	db := openFaulty(t)
	write := db.commitLayer
	begun, gate := make(chan struct{}, 100), make(chan struct{})
	db.commitLayer = func(l layer) error {
		begun <- struct{}{}
		<-gate
		return write(l)
	}
	var wg sync.WaitGroup
	start := func(begin func(context.Context, func(storage.Tx) error) error, fn func(storage.Tx) error) <-chan struct{} {
		applied := make(chan struct{})
		wg.Go(func() {
			if err := begin(t.Context(), func(tx storage.Tx) error { defer close(applied); return fn(tx) }); err != nil {
				t.Error(err)
			}
		})
		return applied
	}
	<-start(db.Update, setKey("first"))
	<-begun
	wait, err := db.UpdateLater(t.Context(), setKey("second"))
	if err != nil {
		t.Fatal(err)
	}
	<-start(later(db), setKey("third"))
	<-start(db.Update, func(tx storage.Tx) error {
		_, err := tx.Get([]byte("third")) // updates see what views do not
		return err
	})
	if hasKey(t, db, "first") || hasKey(t, db, "second") || hasKey(t, db, "third") {
		t.Error("a view shows what is not durable")
	}
	close(gate)
	wg.Wait()
	if err := wait(); err != nil {
		t.Error(err)
	}
	if !hasKey(t, db, "first") || !hasKey(t, db, "second") || !hasKey(t, db, "third") {
		t.Error("durable updates are not shown")
	}
}

func TestALaterUpdateIsDurableWithoutAnotherUpdate(t *testing.T) {
	t.Parallel()
	db := openFaulty(t)
	write, committed := db.commitLayer, make(chan struct{}, 1)
	db.commitLayer = func(l layer) error {
		err := write(l)
		committed <- struct{}{}
		return err
	}
	if _, err := db.UpdateLater(t.Context(), setKey("a")); err != nil {
		t.Fatal(err)
	}
	<-committed
}
