package agent

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/carrelhq/carrel/storage"
	"github.com/carrelhq/carrel/tenant"
)

// errNoModule is returned inside an update that finds the module's bytes gone.
var errNoModule = errors.New("agent: module bytes are gone")

// store makes v the current version of the agent at p. The bytes are put first;
// the update that refers to them checks that they are still there, and the one
// that drops their last reference unlinks them, so no version is ever without.
func (r *Registry) store(ctx context.Context, p place, v Version, data []byte, opts PushOptions) (Agent, error) {
	for {
		if err := r.putModule(ctx, v, data); err != nil {
			return Agent{}, err
		}
		a, err := r.commit(ctx, p, v, opts)
		if !errors.Is(err, errNoModule) {
			return a, err
		}
	}
}

func (r *Registry) putModule(ctx context.Context, v Version, data []byte) error {
	if v.Native {
		return nil
	}
	err := r.root.View(ctx, func(tx storage.Tx) error {
		_, err := storage.StatBlob(tx, moduleKey(v.Digest))
		return err
	})
	if !errors.Is(err, storage.ErrNotFound) {
		return err
	}
	_, err = storage.PutBlob(ctx, r.root, moduleKey(v.Digest), bytes.NewReader(data), r.opts.MaxModule)
	return err
}

func (r *Registry) commit(ctx context.Context, p place, v Version, opts PushOptions) (a Agent, err error) {
	err = r.root.Update(ctx, func(root storage.Tx) error {
		if err := refer(root, p, v); err != nil {
			return err
		}
		tx := tenant.ScopeTx(root, p.tenant)
		record, err := recordFor(tx, p.name, v)
		if err != nil {
			return err
		}
		if err := record.add(tx, p.name, v); err != nil {
			return err
		}
		if opts.Visibility != "" {
			record.Visibility = opts.Visibility
		}
		if err := putJSON(tx, agentKey(p.name), record); err != nil {
			return err
		}
		a, err = record.agent(tx, p.tenant, p.name)
		return err
	})
	if err != nil {
		return Agent{}, err
	}
	return a, nil
}

// refer writes the global records of a version.
func refer(root storage.Tx, p place, v Version) error {
	if err := root.Set(placeKey(p.tenant, p.name), nil); err != nil || v.Native {
		return err
	}
	_, err := storage.StatBlob(root, moduleKey(v.Digest))
	if errors.Is(err, storage.ErrNotFound) {
		return errNoModule
	}
	if err != nil {
		return err
	}
	return root.Set(refKey(v.Digest, p.tenant, p.name), nil)
}

// recordFor returns the agent's record, a new one when there is none.
func recordFor(tx storage.Tx, name string, v Version) (agentRecord, error) {
	record, err := getRecord(tx, name)
	if errors.Is(err, ErrNotFound) {
		return agentRecord{Visibility: CardOnly, Created: v.Created}, nil
	}
	return record, err
}

// add makes v current, as a new version unless the agent has it already: then
// the stored one stays as it is.
func (r *agentRecord) add(tx storage.Tx, name string, v Version) error {
	r.Updated = time.Now().UTC()
	r.Current = v.Digest
	_, err := getVersion(tx, name, v.Digest)
	if !errors.Is(err, ErrNotFound) {
		return err
	}
	versions, err := allVersions(tx, name)
	if err != nil {
		return err
	}
	if len(versions) >= MaxVersions {
		return fmt.Errorf("%w: the agent has %d versions, which is the most; delete it and begin anew", ErrInvalid, MaxVersions)
	}
	r.Versions++
	v.Number = r.Versions
	return putJSON(tx, versionKey(name, v.Digest), v)
}

// dropModule removes one reference to a module, and its bytes with the last.
func dropModule(root storage.Tx, digest, tenantName, name string) error {
	if err := root.Delete(refKey(digest, tenantName, name)); err != nil {
		return err
	}
	for _, err := range root.Scan(refsKey(digest), nil) {
		return err // nil: another version refers to the bytes
	}
	return storage.UnlinkBlob(root, moduleKey(digest))
}

// Module returns the bytes of a module by digest, checked against it.
func (r *Registry) Module(ctx context.Context, digest string) ([]byte, error) {
	blob, err := storage.OpenBlob(ctx, r.root, moduleKey(digest))
	if err == nil {
		defer blob.Close()
		var data []byte
		if data, err = io.ReadAll(blob); err == nil && digestOf(data) == digest {
			return data, nil
		}
	}
	switch {
	case err == nil:
		return nil, fmt.Errorf("agent: module %s: %w", digest, storage.ErrDamaged)
	case errors.Is(err, storage.ErrNotFound):
		return nil, fmt.Errorf("%w: module %s", ErrNotFound, digest)
	}
	return nil, fmt.Errorf("module %s: %w", digest, err)
}
