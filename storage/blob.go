package storage

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"time"
)

// Blobs are contents larger than a value. Their chunks lie in the space "blob"
// of the DB they are put into, their manifest under the caller's key. Chunks that
// no manifest names are marked in the space "blob-loose": those of a blob that is
// being written, and those of one that was replaced or deleted but not yet
// cleared away. [SweepBlobs] clears what a crash left.
const (
	blobChunk = 256 << 10
	// clearAtOnce is how many chunks one update removes.
	clearAtOnce = 64
)

// ErrDamaged is returned at the end of a blob whose content is not what was put.
var ErrDamaged = errors.New("storage: damaged blob")

// Blob describes a stored blob.
type Blob struct {
	// ID names the content; a blob that is put again has a new one.
	ID string
	// Size is the length in bytes.
	Size int64
	// Digest is the SHA-256 of the content.
	Digest [sha256.Size]byte
}

// PutBlob stores what r yields under key and returns when it is durable. The
// content appears under key whole or not at all, and replaces a blob that is
// there. More than max bytes is ErrTooLarge. A failed PutBlob keeps nothing; one
// cut off by a crash leaves chunks for [SweepBlobs].
func PutBlob(ctx context.Context, db DB, key []byte, r io.Reader, max int64) (Blob, error) {
	blob, err := WriteBlob(ctx, db, r, max)
	if err != nil {
		return Blob{}, err
	}
	if err := blob.publish(ctx, db, key); err != nil {
		// What cannot be cleared now is still marked loose.
		_ = clearBlob(context.WithoutCancel(ctx), db, blob.ID)
		return Blob{}, err
	}
	return blob, nil
}

// WriteBlob stores what r yields under no key: it belongs to nothing until an
// update gives it to [KeepBlob], which also makes it durable, and is cleared away
// by [SweepBlobs] if none does. A failed WriteBlob keeps nothing.
func WriteBlob(ctx context.Context, db DB, r io.Reader, max int64) (Blob, error) {
	id := make([]byte, 16)
	_, _ = rand.Read(id) // never fails
	blob := Blob{ID: hex.EncodeToString(id)}
	if err := blob.write(ctx, db, r, max); err != nil {
		_ = clearBlob(context.WithoutCancel(ctx), db, blob.ID)
		return Blob{}, err
	}
	return blob, nil
}

// KeepBlob puts a blob that [WriteBlob] wrote into the same DB under key, as a part
// of tx. A blob that is there is replaced, and left to [SweepBlobs]. A blob is kept
// once; one that was kept, or swept meanwhile, is ErrNotFound.
func KeepBlob(tx Tx, key []byte, b Blob) error {
	_, err := b.keep(tx, key)
	return err
}

// write stores the chunks. They need not wait for the disk: an update that is
// durable makes all earlier ones durable, and the manifest comes last.
func (b *Blob) write(ctx context.Context, db DB, r io.Reader, max int64) error {
	if _, err := db.UpdateLater(ctx, b.mark); err != nil {
		return err
	}
	digest := sha256.New()
	for n := uint64(0); ; n++ {
		chunk, end, err := readChunk(r)
		if err != nil {
			return err
		}
		if b.Size += int64(len(chunk)); b.Size > max {
			return fmt.Errorf("%w: a blob of more than %d bytes", ErrTooLarge, max)
		}
		digest.Write(chunk)
		if len(chunk) > 0 {
			put := func(tx Tx) error { return tx.Set(chunkKey(b.ID, n), chunk) }
			if _, err := db.UpdateLater(ctx, put); err != nil {
				return err
			}
		}
		if end {
			digest.Sum(b.Digest[:0])
			return nil
		}
	}
}

func readChunk(r io.Reader) (chunk []byte, end bool, err error) {
	chunk = make([]byte, blobChunk)
	n, err := io.ReadFull(r, chunk)
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return bytes.Clone(chunk[:n]), true, nil
	}
	return chunk[:n], false, err
}

func (b *Blob) mark(tx Tx) error {
	return tx.Set(looseKey(b.ID), binary.BigEndian.AppendUint64(nil, uint64(time.Now().UnixNano())))
}

// publish keeps the blob and clears away the content it replaces.
func (b *Blob) publish(ctx context.Context, db DB, key []byte) error {
	var old string
	err := db.Update(ctx, func(tx Tx) (err error) {
		old, err = b.keep(tx, key)
		return err
	})
	if err == nil && old != "" {
		_ = clearBlob(context.WithoutCancel(ctx), db, old)
	}
	return err
}

// keep writes the manifest and returns the id of what it replaces.
func (b *Blob) keep(tx Tx, key []byte) (old string, err error) {
	if _, err := tx.Get(looseKey(b.ID)); err != nil {
		return "", fmt.Errorf("a blob that took too long to write was swept: %w", err)
	}
	if old, err = loosen(tx, key); err != nil {
		return "", err
	}
	if err := tx.Delete(looseKey(b.ID)); err != nil {
		return "", err
	}
	return old, tx.Set(key, b.encode())
}

// StatBlob returns the description of the blob at key, or ErrNotFound.
func StatBlob(tx Tx, key []byte) (Blob, error) {
	value, err := tx.Get(key)
	if err != nil {
		return Blob{}, err
	}
	return decodeBlob(value)
}

var (
	chunkKeys = NewKey("blob")
	looseKeys = NewKey("blob-loose")
)

func chunksKey(id string) Key          { return chunkKeys.Str(id) }
func chunkKey(id string, n uint64) Key { return chunkKeys.With(Str(id), Uint(n)) }
func looseKey(id string) Key           { return looseKeys.Str(id) }

// The manifest is: its version, the id, the size, the digest.
const (
	blobVersion = 1
	blobLength  = 1 + 16 + 8 + sha256.Size
)

func (b *Blob) encode() []byte {
	out := append(make([]byte, 0, blobLength), blobVersion)
	id, _ := hex.DecodeString(b.ID)
	out = append(out, id...)
	out = binary.BigEndian.AppendUint64(out, uint64(b.Size))
	return append(out, b.Digest[:]...)
}

func decodeBlob(value []byte) (Blob, error) {
	if len(value) != blobLength || value[0] != blobVersion {
		return Blob{}, fmt.Errorf("%w: malformed manifest of %d bytes", ErrDamaged, len(value))
	}
	size := binary.BigEndian.Uint64(value[17:])
	if size > 1<<62 {
		return Blob{}, fmt.Errorf("%w: malformed size", ErrDamaged)
	}
	blob := Blob{ID: hex.EncodeToString(value[1:17]), Size: int64(size)}
	copy(blob.Digest[:], value[25:])
	return blob, nil
}
