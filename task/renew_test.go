package task_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carrelhq/carrel/storage"
	"github.com/carrelhq/carrel/storage/storagetest"
	"github.com/carrelhq/carrel/task"
)

// grouping is a store that makes updates durable after a while, however many
// wait for it, as one that groups them does, or says that it could not.
type grouping struct {
	storage.DB
	sync    time.Duration
	refuses error
}

func (g *grouping) Update(ctx context.Context, fn func(storage.Tx) error) error {
	err := g.DB.Update(ctx, fn)
	time.Sleep(g.sync)
	return errors.Join(err, g.refuses)
}

func TestLeasesAreRenewedTogether(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db := &grouping{DB: storagetest.Memory()}
		h := newHouse(t, db, task.Options{})
		const runs = 500
		for range runs {
			h.send("hi", "")
			h.claim()
		}
		time.Sleep(20 * time.Second) // more than half of a lease
		synctest.Wait()
		db.sync = 5 * time.Millisecond
		begin := time.Now()
		if err := h.RenewAll(t.Context()); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(begin); took == 0 || took > runs*db.sync/50 {
			t.Errorf("%d renewals took %v, with %v for a sync", runs, took, db.sync)
		}
		time.Sleep(20 * time.Second)
		synctest.Wait()
		db.refuses = errors.New("disk on fire")
		if err := h.RenewAll(t.Context()); !errors.Is(err, db.refuses) {
			t.Errorf("got %v", err)
		}
	})
}
