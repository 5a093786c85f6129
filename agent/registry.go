package agent

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

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

// Get returns an agent with its current version.
func (r *Registry) Get(ctx context.Context, tenantName, name string) (a Agent, err error) {
	err = r.view(ctx, tenantName, func(tx storage.Tx) error {
		a, err = getAgent(tx, tenantName, name)
		return err
	})
	return a, err
}

// Version returns a version of an agent by digest, current or not.
func (r *Registry) Version(ctx context.Context, tenantName, name, digest string) (v Version, err error) {
	err = r.view(ctx, tenantName, func(tx storage.Tx) error {
		v, err = getVersion(tx, name, digest)
		return err
	})
	return v, err
}

// List returns up to limit agents of the tenant by name, after the given name.
func (r *Registry) List(ctx context.Context, tenantName, after string, limit int) (list []Agent, err error) {
	err = r.view(ctx, tenantName, func(tx storage.Tx) error {
		var from []byte
		if after != "" {
			from = agentKey(after)
		}
		for item, err := range tx.Scan(agentsKey, from) {
			if err != nil {
				return err
			}
			if len(list) == limit {
				return nil
			}
			a, err := loadAgent(tx, tenantName, item)
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
	err = r.view(ctx, tenantName, func(tx storage.Tx) error {
		if _, err := getAgent(tx, tenantName, name); err != nil {
			return err
		}
		list, err = allVersions(tx, name)
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
	return r.change(ctx, tenantName, name, func(tx storage.Tx, record *agentRecord) error {
		versions, err := allVersions(tx, name)
		if err != nil {
			return err
		}
		var found []Version
		for _, v := range versions {
			if strings.HasPrefix(v.Digest, digest) {
				found = append(found, v)
			}
		}
		switch len(found) {
		case 0:
			return fmt.Errorf("%w: version %s", ErrNotFound, digest)
		case 1:
			record.Current = found[0].Digest
			return nil
		}
		return fmt.Errorf("%w: %s begins the digests of %d versions; give more digits", ErrInvalid, digest, len(found))
	})
}

// SetVisibility changes who may see and call an agent.
func (r *Registry) SetVisibility(ctx context.Context, tenantName, name string, v Visibility) (Agent, error) {
	if err := v.check(); err != nil {
		return Agent{}, err
	}
	return r.change(ctx, tenantName, name, func(_ storage.Tx, record *agentRecord) error {
		record.Visibility = v
		return nil
	})
}

// Delete removes an agent and its versions. Module bytes go when no version of
// any tenant refers to them any more. Tasks that run keep their loaded module;
// a task that finds its version gone fails.
func (r *Registry) Delete(ctx context.Context, tenantName, name string) error {
	return r.root.Update(ctx, func(root storage.Tx) error {
		tx := tenant.ScopeTx(root, tenantName)
		if _, err := getRecord(tx, name); err != nil {
			return err
		}
		versions, err := allVersions(tx, name)
		if err != nil {
			return err
		}
		for _, v := range versions {
			if err := tx.Delete(versionKey(name, v.Digest)); err != nil {
				return err
			}
			if err := dropModule(root, v.Digest, tenantName, name); err != nil {
				return err
			}
		}
		if err := root.Delete(placeKey(tenantName, name)); err != nil {
			return err
		}
		return tx.Delete(agentKey(name))
	})
}

// Sole returns the one agent of the whole server when there is exactly one; ErrNotFound otherwise.
func (r *Registry) Sole(ctx context.Context) (a Agent, err error) {
	err = r.root.View(ctx, func(root storage.Tx) error {
		var places []place
		for item, err := range root.Scan(placesKey, nil) {
			if err != nil {
				return err
			}
			p, err := readPlace(item.Key)
			if err != nil {
				return err
			}
			if places = append(places, p); len(places) > 1 {
				break
			}
		}
		if len(places) != 1 {
			return ErrNotFound
		}
		a, err = getAgent(tenant.ScopeTx(root, places[0].tenant), places[0].tenant, places[0].name)
		return err
	})
	return a, err
}

func (r *Registry) view(ctx context.Context, tenantName string, fn func(storage.Tx) error) error {
	return tenant.Scope(r.root, tenantName).View(ctx, fn)
}

// change updates an agent's record and returns the agent as it then is.
func (r *Registry) change(ctx context.Context, tenantName, name string, fn func(storage.Tx, *agentRecord) error) (a Agent, err error) {
	err = tenant.Scope(r.root, tenantName).Update(ctx, func(tx storage.Tx) error {
		record, err := getRecord(tx, name)
		if err != nil {
			return err
		}
		if err := fn(tx, &record); err != nil {
			return err
		}
		record.Updated = time.Now().UTC()
		if err := putJSON(tx, agentKey(name), record); err != nil {
			return err
		}
		a, err = record.agent(tx, tenantName, name)
		return err
	})
	if err != nil {
		return Agent{}, err
	}
	return a, nil
}

func (v Visibility) check() error {
	switch v {
	case Public, CardOnly, Private:
		return nil
	}
	return fmt.Errorf("%w: visibility %q is none of public, card and private", ErrInvalid, v)
}
