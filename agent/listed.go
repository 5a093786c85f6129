package agent

import (
	"context"
	"fmt"

	"github.com/carrelhq/carrel/storage"
	"github.com/carrelhq/carrel/tenant"
)

// Listed returns the names of up to limit agents that anyone may know of, all
// but the private ones, by tenant and name: of one tenant, or of all for the
// empty one. after is the last of the page before, and its zero value the first
// page. What it costs does not depend on how many agents are private.
func (r *Registry) Listed(ctx context.Context, tenantName string, after Name, limit int) ([]Name, error) {
	prefix, from := listedKeys, []byte(nil)
	if tenantName != "" {
		if !tenant.ValidName(tenantName) {
			return nil, nil
		}
		prefix = prefix.Str(tenantName)
	}
	if after != (Name{}) {
		if !tenant.ValidName(after.Tenant) || !tenant.ValidName(after.Agent) {
			return nil, fmt.Errorf("%w: after: %w", ErrInvalid, tenant.ErrInvalidName)
		}
		from = listedKey(place{after.Tenant, after.Agent})
	}
	return r.names(ctx, prefix, from, limit)
}

// Name names an agent.
type Name struct{ Tenant, Agent string }

// names lists up to limit agents of a global space of places, after a key of it.
func (r *Registry) names(ctx context.Context, prefix storage.Key, after []byte, limit int) (list []Name, err error) {
	err = r.root.View(ctx, func(root storage.Tx) error {
		for item, err := range root.Scan(prefix, after) {
			if err != nil {
				return err
			}
			if len(list) == limit {
				return nil
			}
			p, err := readPlace(item.Key)
			if err != nil {
				return err
			}
			list = append(list, Name{p.tenant, p.name})
		}
		return nil
	})
	return list, err
}

// enlist notes whether anyone may know of the agent at p.
func enlist(root storage.Tx, p place, v Visibility) error {
	if v == Private {
		return root.Delete(listedKey(p))
	}
	return root.Set(listedKey(p), nil)
}
