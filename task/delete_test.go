package task_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"github.com/carrelhq/carrel/storage"
	"github.com/carrelhq/carrel/storage/storagetest"
	"github.com/carrelhq/carrel/task"
)

// beforeUpdate does something once, just before an update.
type beforeUpdate struct {
	storage.DB
	do atomic.Pointer[func()]
}

func (d *beforeUpdate) Update(ctx context.Context, fn func(storage.Tx) error) error {
	if do := d.do.Swap(nil); do != nil {
		(*do)()
	}
	return d.DB.Update(ctx, fn)
}

func TestTasksThatComeWhileTheirContextIsDeletedKeepTheirTurns(t *testing.T) {
	t.Parallel()
	db := &beforeUpdate{DB: storagetest.Memory()}
	h := newHouse(t, db, task.Options{})
	before := h.send("one", "ctx")
	run := h.claim()
	if _, err := run.SaveContext(t.Context(), []byte("kept"), 0); err != nil {
		t.Fatal(err)
	}
	h.finish(run, task.Result{})
	if err := h.Delete(t.Context(), bot, before.TaskID); err != nil {
		t.Fatal(err)
	}
	come := func() {
		h.send("two", "ctx")
		h.send("three", "ctx")
	}
	db.do.Store(&come)
	if err := h.DeleteContext(t.Context(), bot, "ctx"); !errors.Is(err, task.ErrUnsupportedOperation) {
		t.Errorf("got %v", err)
	}
	two := h.claim()
	if data, _, err := two.LoadContext(t.Context()); err != nil || string(data) != "kept" {
		t.Errorf("the context is %q, %v", data, err)
	}
	h.finish(two, task.Result{})
	if got := texts(h.claim().Message.Parts); got != "three" {
		t.Errorf("then came %q", got)
	}
}
