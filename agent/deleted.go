package agent

import (
	"context"
	"errors"
	"fmt"

	"github.com/carrelhq/carrel/storage"
)

// ErrNotCleared is wrapped around an upload or declaration under the name of an
// agent that was deleted, as long as something is left of that one: its tasks
// would be the new agent's.
var ErrNotCleared = errors.New("agent: the deleted agent of this name is still being cleared away")

// Deleted returns the names of up to limit agents that were deleted and not
// [Registry.Cleared] since: others may have records of them.
func (r *Registry) Deleted(ctx context.Context, limit int) ([]Name, error) {
	return r.names(ctx, deletedKeys, nil, limit)
}

// Cleared tells that nobody has records of a deleted agent any more, so that its
// name is free. For an agent that is there it changes nothing.
func (r *Registry) Cleared(ctx context.Context, tenantName, name string) error {
	return r.root.Update(ctx, func(root storage.Tx) error { return root.Delete(deletedKey(tenantName, name)) })
}

// Present returns ErrNotFound unless the agent is there in the update or view of
// the root DB that it is given. Who writes records of an agent asks it in the
// same update: then nothing comes after the deletion, which would not be cleared.
func (r *Registry) Present(root storage.Tx, tenantName, name string) error {
	_, err := get(root, placeKey(tenantName, name), name)
	return err
}

// checkName refuses the name of a deleted agent that is not cleared.
func checkName(root storage.Tx, p place) error {
	_, err := root.Get(deletedKey(p.tenant, p.name))
	switch {
	case err == nil:
		return fmt.Errorf("%w; try again in a moment", ErrNotCleared)
	case errors.Is(err, storage.ErrNotFound):
		return nil
	}
	return err
}
