package task

import (
	"context"
	"errors"
	"testing"

	"github.com/carrelhq/carrel/agent"
	"github.com/carrelhq/carrel/broker"
	"github.com/carrelhq/carrel/storage"
	"github.com/carrelhq/carrel/storage/storagetest"
	"github.com/carrelhq/carrel/tenant"
)

type noAgents struct{}

func (noAgents) Get(context.Context, string, string) (agent.Agent, error) {
	return agent.Agent{}, agent.ErrNotFound
}

func (noAgents) Version(context.Context, string, string, string) (agent.Version, error) {
	return agent.Version{}, agent.ErrNotFound
}

func (noAgents) Present(storage.Tx, string, string) error { return agent.ErrNotFound }

func (noAgents) Deleted(context.Context, int) ([]agent.Name, error) { return nil, nil }

func (noAgents) Cleared(context.Context, string, string) error { return nil }

// TestAnEventIsDurableBeforeItIsSeen holds that no change which does not wait
// for the disk may append an event: a crash would take back what followers saw.
func TestAnEventIsDurableBeforeItIsSeen(t *testing.T) {
	t.Parallel()
	db := storagetest.Memory()
	m, err := NewManager(db, broker.New(), noAgents{}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	id := newID()
	h := head{agent: "bot", state: submitted, seq: 1, run: 1, inbox: []uint64{1}}
	if err := tenant.Scope(db, "acme").Update(t.Context(), func(tx storage.Tx) error { return tx.Set(headKey(id), h.encode()) }); err != nil {
		t.Fatal(err)
	}
	if err := m.changeLater(t.Context(), "acme", id, func(e *edit) error { return e.setState(working, nil, 1) }); !errors.Is(err, errEarly) {
		t.Errorf("got %v, want errEarly", err)
	}
	if err := m.change(t.Context(), "acme", id, func(e *edit) error { return e.setState(working, nil, 1) }); err != nil {
		t.Errorf("a change that waits: %v", err)
	}
}
