package storage

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"hash"
	"io"
)

// OpenBlob returns the content of the blob at key, or ErrNotFound. It reads
// chunk by chunk under ctx; a blob that is deleted or replaced meanwhile ends in
// ErrNotFound, one that is not what was put ends in ErrDamaged instead of io.EOF.
// The reader is not safe for concurrent use; Close releases nothing that waits.
func OpenBlob(ctx context.Context, db DB, key []byte) (io.ReadCloser, error) {
	var blob Blob
	err := db.View(ctx, func(tx Tx) (err error) {
		blob, err = StatBlob(tx, key)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &blobReader{ctx: ctx, db: db, blob: blob, digest: sha256.New(), left: blob.Size}, nil
}

type blobReader struct {
	ctx    context.Context
	db     DB
	blob   Blob
	digest hash.Hash
	next   uint64
	left   int64
	chunk  []byte
	err    error
}

// Read implements io.Reader.
func (r *blobReader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if len(r.chunk) == 0 && r.err == nil {
		r.err = r.advance()
	}
	if r.err != nil {
		return 0, r.err
	}
	n := copy(p, r.chunk)
	r.chunk = r.chunk[n:]
	return n, nil
}

// advance loads the next chunk, or returns how the blob ends.
func (r *blobReader) advance() error {
	if r.left == 0 {
		if !bytes.Equal(r.digest.Sum(nil), r.blob.Digest[:]) {
			return ErrDamaged
		}
		return io.EOF
	}
	err := r.db.View(r.ctx, func(tx Tx) (err error) {
		r.chunk, err = tx.Get(chunkKey(r.blob.ID, r.next))
		return err
	})
	if err != nil {
		return err
	}
	if len(r.chunk) == 0 || int64(len(r.chunk)) > r.left {
		r.chunk = nil
		return ErrDamaged
	}
	r.next++
	r.left -= int64(len(r.chunk))
	r.digest.Write(r.chunk)
	return nil
}

// Close implements io.Closer.
func (r *blobReader) Close() error {
	r.chunk, r.err = nil, errBlobClosed
	return nil
}

var errBlobClosed = errors.New("storage: read of a closed blob")
