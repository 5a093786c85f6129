package agent

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/carrelhq/carrel/storage"
	"github.com/carrelhq/carrel/tenant"
)

// store makes v the current version of the agent at p, in one update after its
// bytes are durable.
func (r *Registry) store(ctx context.Context, p place, v Version, data []byte, opts PushOptions) (Agent, error) {
	r.sweep(ctx)
	staged, err := r.stage(ctx, v, data)
	if err != nil {
		return Agent{}, err
	}
	a, err := r.commit(ctx, p, v, staged, opts)
	again := !a.Current.Created.Equal(v.Created) // the agent had this version already
	if staged != nil && (err != nil || again) {
		// What cannot be deleted now is swept later.
		_ = storage.DeleteBlob(context.WithoutCancel(ctx), r.root, staged)
	}
	return a, err
}

func (r *Registry) commit(ctx context.Context, p place, v Version, staged storage.Key, opts PushOptions) (a Agent, err error) {
	err = r.root.Update(ctx, func(root storage.Tx) error {
		tx := tenant.ScopeTx(root, p.tenant)
		if err := checkName(root, p); err != nil {
			return err
		}
		record, err := r.recordFor(tx, p.name, v)
		if err != nil {
			return err
		}
		if err := r.add(tx, p.name, &record, v); err != nil {
			return err
		}
		if opts.Visibility != "" {
			record.Visibility = opts.Visibility
		}
		if err := putJSON(tx, agentKey(p.name), record); err != nil {
			return err
		}
		if err := root.Set(placeKey(p.tenant, p.name), nil); err != nil {
			return err
		}
		if err := enlist(root, p, record.Visibility); err != nil {
			return err
		}
		if !v.Native {
			if err := adopt(root, p, v.Digest, staged); err != nil {
				return err
			}
		}
		a, err = r.records.withVersion(tx, p, record)
		return err
	})
	if err != nil {
		return Agent{}, err
	}
	return a, nil
}

// recordFor returns the agent's record, a new one when there is none.
func (r *Registry) recordFor(tx storage.Tx, name string, v Version) (agentRecord, error) {
	record, err := r.records.record(tx, name)
	if errors.Is(err, ErrNotFound) {
		return agentRecord{Visibility: CardOnly, Created: v.Created}, nil
	}
	return record, err
}

// add makes v current, as a new version unless the agent has it already: then
// the stored one stays as it is.
func (r *Registry) add(tx storage.Tx, name string, record *agentRecord, v Version) error {
	record.Updated = time.Now().UTC()
	record.Current = v.Digest
	_, err := r.records.version(tx, name, v.Digest)
	if !errors.Is(err, ErrNotFound) {
		return err
	}
	if record.Versions >= MaxVersions {
		return fmt.Errorf("%w: the agent has %d versions, which is the most; delete it and begin anew", ErrInvalid, MaxVersions)
	}
	record.Versions++
	v.Number = record.Versions
	return putJSON(tx, versionKey(name, v.Digest), v)
}

// remove takes the agent at p away, with its versions.
func (r *Registry) remove(ctx context.Context, p place) error {
	since, id := time.Now(), uuid.NewString()
	return r.root.Update(ctx, func(root storage.Tx) error {
		tx := tenant.ScopeTx(root, p.tenant)
		if _, err := r.records.record(tx, p.name); err != nil {
			return err
		}
		all, err := digests(tx, p.name)
		if err != nil {
			return err
		}
		for _, digest := range all {
			if err := tx.Delete(versionKey(p.name, digest)); err != nil {
				return err
			}
			if err := abandon(root, p, digest, looseKey(since, id, digest)); err != nil {
				return err
			}
		}
		if err := root.Delete(placeKey(p.tenant, p.name)); err != nil {
			return err
		}
		if err := root.Set(deletedKey(p.tenant, p.name), nil); err != nil {
			return err
		}
		if err := root.Delete(listedKey(p)); err != nil {
			return err
		}
		return tx.Delete(agentKey(p.name))
	})
}

// change updates an agent's record and returns the agent as it then is.
func (r *Registry) change(ctx context.Context, p place, fn func(storage.Tx, *agentRecord) error) (a Agent, err error) {
	if err := p.check(); err != nil {
		return Agent{}, err
	}
	err = r.root.Update(ctx, func(root storage.Tx) error {
		tx := tenant.ScopeTx(root, p.tenant)
		record, err := r.records.record(tx, p.name)
		if err != nil {
			return err
		}
		if err := fn(tx, &record); err != nil {
			return err
		}
		record.Updated = time.Now().UTC()
		if err := putJSON(tx, agentKey(p.name), record); err != nil {
			return err
		}
		if err := enlist(root, p, record.Visibility); err != nil {
			return err
		}
		a, err = r.records.withVersion(tx, p, record)
		return err
	})
	if err != nil {
		return Agent{}, err
	}
	return a, nil
}
