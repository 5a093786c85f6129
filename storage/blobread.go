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
// ErrNotFound. One that is not what was put ends in ErrDamaged before its last
// chunk: whoever has read all of Size bytes has what was put.
// The reader is not safe for concurrent use; Close releases nothing that waits.
func OpenBlob(ctx context.Context, db DB, key []byte) (io.ReadCloser, error) {
	return OpenBlobAt(ctx, db, key, 0)
}

// OpenBlobAt is OpenBlob from offset on, which yields nothing from the end of the
// blob on. Only what is read from 0 is held to the digest: what comes before offset
// is not read, unless it is in the same chunk.
func OpenBlobAt(ctx context.Context, db DB, key []byte, offset int64) (io.ReadCloser, error) {
	var blob Blob
	err := db.View(ctx, func(tx Tx) (err error) {
		blob, err = StatBlob(tx, key)
		return err
	})
	if err != nil {
		return nil, err
	}
	r := &blobReader{ctx: ctx, db: db, blob: blob, left: blob.Size}
	if err := r.seek(min(max(offset, 0), blob.Size)); err != nil {
		return nil, err
	}
	return r, nil
}

// seek goes to an offset, before anything is read.
func (r *blobReader) seek(offset int64) error {
	r.next = uint64(offset / blobChunk)
	if r.left -= int64(r.next) * blobChunk; r.next == 0 {
		r.digest = sha256.New()
	}
	if rest := offset % blobChunk; rest > 0 {
		if err := r.advance(); err != nil {
			return err
		}
		r.chunk = r.chunk[min(rest, int64(len(r.chunk))):]
	}
	return nil
}

type blobReader struct {
	ctx    context.Context
	db     DB
	blob   Blob
	digest hash.Hash // nil when the first chunk is not read
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
		return io.EOF
	}
	var chunk []byte
	err := r.db.View(r.ctx, func(tx Tx) (err error) {
		chunk, err = tx.Get(chunkKey(r.blob.ID, r.next))
		return err
	})
	if err != nil {
		return err
	}
	if int64(len(chunk)) != min(blobChunk, r.left) {
		return ErrDamaged
	}
	r.next++
	r.left -= int64(len(chunk))
	if r.digest != nil {
		r.digest.Write(chunk)
		if r.left == 0 && !bytes.Equal(r.digest.Sum(nil), r.blob.Digest[:]) {
			return ErrDamaged
		}
	}
	r.chunk = chunk
	return nil
}

// Close implements io.Closer.
func (r *blobReader) Close() error {
	r.chunk, r.err = nil, errBlobClosed
	return nil
}

var errBlobClosed = errors.New("storage: read of a closed blob")
