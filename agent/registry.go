package agent

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/carrelhq/carrel/storage"
	"github.com/carrelhq/carrel/tenant"
)

// DefaultMaxModule is the largest module accepted when Options do not say, in bytes.
const DefaultMaxModule = 64 << 20

// MaxVersions bounds the versions of one agent.
const MaxVersions = 1000

// Registry is the register of agents. It is safe for concurrent use.
type Registry struct {
	root      storage.DB
	inspector Inspector
	opts      Options
	records   records
}

// NewRegistry returns the register kept in root. inspector may be nil when only
// native agents are declared; uploads are refused then.
func NewRegistry(root storage.DB, inspector Inspector, opts Options) (*Registry, error) {
	if opts.MaxModule == 0 {
		opts.MaxModule = DefaultMaxModule
	}
	if opts.MaxModule < 0 {
		return nil, errors.New("agent: MaxModule must not be negative")
	}
	opts.Grants = slices.Clone(opts.Grants)
	return &Registry{root: root, inspector: inspector, opts: opts}, nil
}

// Get returns an agent with its current version. It is cheap enough for every request.
func (r *Registry) Get(ctx context.Context, tenantName, name string) (a Agent, err error) {
	err = r.view(ctx, place{tenantName, name}, func(tx storage.Tx) error {
		a, err = r.records.agent(tx, place{tenantName, name})
		return err
	})
	return a, err
}

// Version returns a version of an agent by digest, current or not.
func (r *Registry) Version(ctx context.Context, tenantName, name, digest string) (v Version, err error) {
	if len(digest) != digestLength {
		return Version{}, fmt.Errorf("%w: %s has no such version", ErrNotFound, name)
	}
	err = r.view(ctx, place{tenantName, name}, func(tx storage.Tx) error {
		v, err = r.records.version(tx, name, digest)
		return err
	})
	return v, err
}

// List returns up to limit agents of the tenant by name, after the given name.
func (r *Registry) List(ctx context.Context, tenantName, after string, limit int) (list []Agent, err error) {
	var from []byte
	if after != "" {
		if !tenant.ValidName(after) {
			return nil, fmt.Errorf("%w: after: %w", ErrInvalid, tenant.ErrInvalidName)
		}
		from = agentKey(after)
	}
	if !tenant.ValidName(tenantName) {
		return nil, nil
	}
	err = tenant.Scope(r.root, tenantName).View(ctx, func(tx storage.Tx) error {
		for item, err := range tx.Scan(agentsKey, from) {
			if err != nil {
				return err
			}
			if len(list) == limit {
				return nil
			}
			a, err := r.records.listed(tx, tenantName, item)
			if err != nil {
				return err
			}
			list = append(list, a)
		}
		return nil
	})
	return list, err
}

// Versions returns all versions of an agent, newest first.
func (r *Registry) Versions(ctx context.Context, tenantName, name string) (list []Version, err error) {
	err = r.view(ctx, place{tenantName, name}, func(tx storage.Tx) error {
		if _, err := r.records.record(tx, name); err != nil {
			return err
		}
		list, err = r.records.allVersions(tx, name)
		return err
	})
	slices.SortFunc(list, func(a, b Version) int { return b.Number - a.Number })
	return list, err
}

// Rollback makes an older version current; digest may be any unambiguous prefix of at least 6 digits.
func (r *Registry) Rollback(ctx context.Context, tenantName, name, digest string) (Agent, error) {
	if len(digest) < 6 {
		return Agent{}, fmt.Errorf("%w: name at least 6 digits of the version's digest", ErrInvalid)
	}
	return r.change(ctx, place{tenantName, name}, func(tx storage.Tx, record *agentRecord) error {
		list, err := digests(tx, name)
		if err != nil {
			return err
		}
		record.Current, err = matching(list, digest)
		return err
	})
}

// matching returns the one digest that begins with prefix.
func matching(digests []string, prefix string) (found string, err error) {
	for _, digest := range digests {
		if !strings.HasPrefix(digest, prefix) {
			continue
		}
		if found != "" {
			return "", fmt.Errorf("%w: %s begins the digests of several versions; give more digits", ErrInvalid, prefix)
		}
		found = digest
	}
	if found == "" {
		return "", fmt.Errorf("%w: version %.64s", ErrNotFound, prefix)
	}
	return found, nil
}

// SetVisibility changes who may see and call an agent.
func (r *Registry) SetVisibility(ctx context.Context, tenantName, name string, v Visibility) (Agent, error) {
	if err := v.check(); err != nil {
		return Agent{}, err
	}
	return r.change(ctx, place{tenantName, name}, func(_ storage.Tx, record *agentRecord) error {
		record.Visibility = v
		return nil
	})
}

// Delete removes an agent and its versions. Module bytes go when no version of
// any tenant refers to them any more; their room is given back by uploads and
// deletions an hour later. The name is free again once those who have records of
// the agent, as its tasks, have called [Registry.Cleared].
func (r *Registry) Delete(ctx context.Context, tenantName, name string) error {
	p := place{tenantName, name}
	if err := p.check(); err != nil {
		return err
	}
	r.sweep(ctx)
	return r.remove(ctx, p)
}

// Sole returns the one agent of the whole server when there is exactly one; ErrNotFound otherwise.
func (r *Registry) Sole(ctx context.Context) (a Agent, err error) {
	err = r.root.View(ctx, func(root storage.Tx) error {
		p, err := solePlace(root)
		if err != nil {
			return err
		}
		a, err = r.records.agent(tenant.ScopeTx(root, p.tenant), p)
		return err
	})
	return a, err
}

func solePlace(root storage.Tx) (place, error) {
	var sole []byte
	for item, err := range root.Scan(placesKey, nil) {
		if err != nil {
			return place{}, err
		}
		if sole != nil {
			return place{}, fmt.Errorf("%w: there are several agents", ErrNotFound)
		}
		sole = item.Key
	}
	if sole == nil {
		return place{}, fmt.Errorf("%w: there is no agent", ErrNotFound)
	}
	return readPlace(sole)
}

func (r *Registry) view(ctx context.Context, p place, fn func(storage.Tx) error) error {
	if err := p.check(); err != nil {
		return err
	}
	return tenant.Scope(r.root, p.tenant).View(ctx, fn)
}

// check refuses a place where no agent can be, as one where none is.
func (p place) check() error {
	if !tenant.ValidName(p.tenant) || !tenant.ValidName(p.name) {
		return fmt.Errorf("%w: %w", ErrNotFound, tenant.ErrInvalidName)
	}
	return nil
}

func (v Visibility) check() error {
	switch v {
	case Public, CardOnly, Private:
		return nil
	}
	return fmt.Errorf("%w: visibility %q is none of public, card and private", ErrInvalid, v)
}
