package task

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/carrelhq/carrel/storage"
	"github.com/carrelhq/carrel/tenant"
)

// Blob is the content of a large part.
type Blob struct {
	// Size is its length in bytes.
	Size int64

	db  storage.DB
	key storage.Key
}

// Blob returns a blob of the tenant, or ErrTaskNotFound. Who may see it is for the
// caller to know.
func (m *Manager) Blob(ctx context.Context, tenantName string, ref BlobRef) (*Blob, error) {
	b := &Blob{db: tenant.Scope(m.db, tenantName), key: blobKey(ref)}
	err := b.db.View(ctx, func(tx storage.Tx) error {
		stored, err := storage.StatBlob(tx, b.key)
		b.Size = stored.Size
		return err
	})
	if errors.Is(err, storage.ErrNotFound) {
		return nil, fmt.Errorf("%w: %w", ErrTaskNotFound, err)
	}
	return b, err
}

// Open returns the content from offset on. It reads under ctx, as it is asked for;
// content that is damaged ends in an error before its last byte if it was read from
// 0, and so does that of a task that is deleted meanwhile.
func (b *Blob) Open(ctx context.Context, offset int64) (io.ReadCloser, error) {
	return storage.OpenBlobAt(ctx, b.db, b.key, offset)
}
