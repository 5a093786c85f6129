package agent_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/carrelhq/carrel/abi"
	"github.com/carrelhq/carrel/agent"
	"github.com/carrelhq/carrel/storage"
	"github.com/carrelhq/carrel/storage/storagetest"
)

func TestTheNameOfADeletedAgentIsFreeOnceItIsCleared(t *testing.T) {
	t.Parallel()
	db := storagetest.Memory()
	r := newRegistry(t, db, agent.Options{})
	ctx := t.Context()
	push(t, r, "acme", "bot", "one")
	push(t, r, "acme", "other", "one")
	if err := r.Delete(ctx, "acme", "bot"); err != nil {
		t.Fatal(err)
	}
	present := func(name string) (err error) {
		return db.View(ctx, func(root storage.Tx) error { return r.Present(root, "acme", name) })
	}
	if gone, there := present("bot"), present("other"); !errors.Is(gone, agent.ErrNotFound) || there != nil {
		t.Errorf("present: got %v for the deleted one, %v for the other", gone, there)
	}
	_, uploaded := r.Push(ctx, "acme", "bot", strings.NewReader("two"), agent.PushOptions{})
	_, declared := r.Declare(ctx, "acme", "bot", abi.Description{}, agent.PushOptions{})
	if !errors.Is(uploaded, agent.ErrNotCleared) || !errors.Is(declared, agent.ErrNotCleared) {
		t.Errorf("before it is cleared: got %v and %v", uploaded, declared)
	}
	push(t, r, "acme", "third", "two")
	list, err := r.Deleted(ctx, 10)
	if diff := cmp.Diff([]agent.Name{{Tenant: "acme", Agent: "bot"}}, list); err != nil || diff != "" {
		t.Errorf("deleted: %v\n%s", err, diff)
	}
	for range 2 {
		if err := r.Cleared(ctx, "acme", "bot"); err != nil {
			t.Fatal(err)
		}
	}
	push(t, r, "acme", "bot", "two")
	if list, err := r.Deleted(ctx, 10); err != nil || len(list) != 0 {
		t.Errorf("deleted afterwards: %v, %v", list, err)
	}
}
