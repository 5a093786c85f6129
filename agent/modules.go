package agent

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/carrelhq/carrel/storage"
)

// Module bytes are written loose first. The update that makes a version turns
// them into the module's, if it has none yet, and the one that removes the last
// version makes them loose again: so no version is ever without its bytes, and
// bytes that are being read are never replaced. Loose bytes are cleared away by
// a later upload or deletion, because one that did it at once would take longer,
// and so tell whether another tenant has the same module.
const (
	// looseFor is how long bytes stay loose; an upload that takes longer fails.
	looseFor = time.Hour
	// sweepAtOnce is how many modules one call clears away at most, all at the same time.
	sweepAtOnce = 16
)

// Module returns the bytes of a module by digest, checked against it.
func (r *Registry) Module(ctx context.Context, digest string) ([]byte, error) {
	if len(digest) != digestLength {
		return nil, fmt.Errorf("%w: module", ErrNotFound)
	}
	data, err := r.readBlob(ctx, moduleKey(digest))
	switch {
	case errors.Is(err, storage.ErrNotFound):
		return nil, fmt.Errorf("%w: module %s", ErrNotFound, digest)
	case err == nil && digestOf(data) != digest:
		err = storage.ErrDamaged
	}
	if err != nil {
		return nil, fmt.Errorf("agent: module %s: %w", digest, err)
	}
	return data, nil
}

func (r *Registry) readBlob(ctx context.Context, key storage.Key) ([]byte, error) {
	blob, err := storage.OpenBlob(ctx, r.root, key)
	if err != nil {
		return nil, err
	}
	defer blob.Close()
	return io.ReadAll(blob)
}

// stage writes a version's bytes as loose ones and returns their key. They are
// written even if they are stored already, so that every upload takes as long.
func (r *Registry) stage(ctx context.Context, v Version, data []byte) (storage.Key, error) {
	if v.Native {
		return nil, nil
	}
	key := looseKey(time.Now(), uuid.NewString(), v.Digest)
	_, err := storage.PutBlob(ctx, r.root, key, bytes.NewReader(data), r.opts.MaxModule)
	return key, err
}

// adopt makes the staged bytes the module's unless it has some, and refers to them.
func adopt(root storage.Tx, p place, digest string, staged storage.Key) error {
	_, err := root.Get(moduleKey(digest))
	if errors.Is(err, storage.ErrNotFound) {
		err = moveBlob(root, staged, moduleKey(digest))
	}
	if err != nil {
		return fmt.Errorf("agent: bytes of the upload: %w", err) // swept, if it took too long
	}
	return root.Set(refKey(digest, p.tenant, p.name), nil)
}

// abandon removes one reference to a module, and makes its bytes loose with the last.
func abandon(root storage.Tx, p place, digest string, loose storage.Key) error {
	if err := root.Delete(refKey(digest, p.tenant, p.name)); err != nil {
		return err
	}
	for _, err := range root.Scan(refsKey(digest), nil) {
		return err // nil: another version refers to the bytes
	}
	err := moveBlob(root, moduleKey(digest), loose)
	if errors.Is(err, storage.ErrNotFound) {
		return nil // a native version has none
	}
	return err
}

// moveBlob gives a blob another key, by moving its manifest.
func moveBlob(tx storage.Tx, from, to storage.Key) error {
	manifest, err := tx.Get(from)
	if err != nil {
		return err
	}
	if err := tx.Delete(from); err != nil {
		return err
	}
	return tx.Set(to, manifest)
}

// sweep clears away bytes that have been loose for long. What it cannot clear
// now stays for the next sweep, so its failure fails nobody's call.
func (r *Registry) sweep(ctx context.Context) {
	before := time.Now().Add(-looseFor)
	keys, err := r.looseBefore(ctx, before)
	if err != nil {
		return
	}
	var g errgroup.Group
	for _, key := range keys {
		g.Go(func() error { return storage.DeleteBlob(ctx, r.root, key) })
	}
	_ = g.Wait()
	_, _ = storage.SweepBlobs(ctx, r.root, before)
}

func (r *Registry) looseBefore(ctx context.Context, before time.Time) (keys []storage.Key, err error) {
	end := looseKeys.Time(before)
	err = r.root.View(ctx, func(tx storage.Tx) error {
		for item, err := range tx.Scan(looseKeys, nil) {
			if err != nil {
				return err
			}
			if len(keys) == sweepAtOnce || bytes.Compare(item.Key, end) >= 0 {
				return nil
			}
			keys = append(keys, item.Key)
		}
		return nil
	})
	return keys, err
}
