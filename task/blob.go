package task

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"

	"github.com/carrelhq/carrel/storage"
	"github.com/carrelhq/carrel/tenant"
)

// loose are blobs that were written for a task and wait for the update that keeps
// them. It is safe for concurrent use.
type loose struct {
	most int64 // bytes that the task may have in all

	mu    sync.Mutex
	blobs map[[sha256.Size]byte]storage.Blob // by the digest of their content
}

func (l *loose) get(digest [sha256.Size]byte) (b storage.Blob, there bool) {
	if l == nil {
		return b, false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	b, there = l.blobs[digest]
	return b, there
}

func (l *loose) add(b storage.Blob) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.blobs == nil {
		l.blobs = make(map[[sha256.Size]byte]storage.Blob)
	}
	l.blobs[b.Digest] = b
}

// stage stores the bytes of large parts, unless the task has them already, and
// returns the parts with references in their place. What it stores is loose: an
// edit that is given into keeps it, and if none does it is swept. The parts given
// are not changed.
func (m *Manager) stage(ctx context.Context, place taskPlace, parts []*a2apb.Part, into *loose) ([]*a2apb.Part, error) {
	var err error
	return each(parts, func(p *a2apb.Part) *a2apb.Part {
		if err != nil || !isLarge(p) {
			return p
		}
		ref := BlobRef{place.id, sha256.Sum256(p.GetRaw())}
		if err = m.writeBlob(ctx, place.tenant, ref, p.GetRaw(), into); err != nil {
			return p
		}
		return withURL(p, ref.String())
	}), err
}

func (m *Manager) writeBlob(ctx context.Context, tenantName string, ref BlobRef, raw []byte, into *loose) error {
	db := tenant.Scope(m.db, tenantName)
	if there, err := hasBlob(ctx, db, ref, into); there || err != nil {
		return err
	}
	blob, err := storage.WriteBlob(ctx, db, bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		return err
	}
	into.add(blob)
	return nil
}

// hasBlob tells whether the task has the blob, or will have it.
func hasBlob(ctx context.Context, db storage.DB, ref BlobRef, soon *loose) (bool, error) {
	if _, there := soon.get(ref.Digest); there {
		return true, nil
	}
	err := db.View(ctx, func(tx storage.Tx) error {
		_, err := storage.StatBlob(tx, blobKey(ref))
		return err
	})
	if errors.Is(err, storage.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// drop clears blobs away that no edit has kept. What it cannot clear is swept.
func (m *Manager) drop(ctx context.Context, tenantName string, l *loose) {
	for _, blob := range l.blobs {
		_ = storage.DropBlob(context.WithoutCancel(ctx), tenant.Scope(m.db, tenantName), blob)
	}
}

// errNoBlob is a reference to a blob that the task does not have.
var errNoBlob = &FieldError{"part.url", "names a blob that is not one of this task"}

// keep makes the blobs that the parts stand for the task's, in the update that
// refers to them.
func (e *edit) keep(parts []*a2apb.Part) error {
	for _, p := range parts {
		ref, ok := blobOf(p)
		if !ok {
			continue
		}
		if err := e.keepBlob(ref); err != nil {
			return err
		}
	}
	return nil
}

func (e *edit) keepBlob(ref BlobRef) error {
	if ref.TaskID != e.id {
		return errNoBlob
	}
	_, err := storage.StatBlob(e.tx, blobKey(ref))
	if !errors.Is(err, storage.ErrNotFound) {
		return err
	}
	blob, there := e.loose.get(ref.Digest)
	if !there {
		return errNoBlob
	}
	if e.h.blobs += uint64(blob.Size); e.h.bytes() > uint64(e.loose.most) {
		return tooMuch(e.loose.most)
	}
	return storage.KeepBlob(e.tx, blobKey(ref), blob)
}

func tooMuch(most int64) error {
	return fmt.Errorf("%w: its events and files are %d bytes at most", ErrLogFull, most)
}
