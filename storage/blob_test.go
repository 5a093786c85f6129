package storage_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/carrelhq/carrel/storage"
	"github.com/carrelhq/carrel/storage/storagetest"
)

const plenty = 10 << 20

var blobKey = storage.NewKey("file").Str("one")

func content(n int) []byte {
	out := make([]byte, n)
	r := rand.NewChaCha8([32]byte{byte(n)})
	_, _ = r.Read(out)
	return out
}

func put(t *testing.T, db storage.DB, data []byte) storage.Blob {
	t.Helper()
	blob, err := storage.PutBlob(t.Context(), db, blobKey, bytes.NewReader(data), plenty)
	if err != nil {
		t.Fatal(err)
	}
	return blob
}

func readBlob(t *testing.T, db storage.DB) ([]byte, error) {
	t.Helper()
	r, err := storage.OpenBlob(t.Context(), db, blobKey)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

// count returns how many keys a space holds.
func count(t *testing.T, db storage.DB, space string) (n int) {
	t.Helper()
	if err := db.View(t.Context(), func(tx storage.Tx) error {
		for _, err := range tx.Scan(storage.NewKey(space), nil) {
			if err != nil {
				return err
			}
			n++
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestABlobComesBackWithItsSizeAndDigest(t *testing.T) {
	t.Parallel()
	for _, size := range []int{0, 1, 256<<10 - 1, 256 << 10, 256<<10 + 1, 3 << 20} {
		db := storagetest.Memory()
		data := content(size)
		blob := put(t, db, data)
		if blob.Size != int64(size) || blob.Digest != sha256.Sum256(data) || blob.ID == "" {
			t.Errorf("a blob of %d bytes is described as %+v", size, blob)
		}
		if got, err := readBlob(t, db); err != nil || !bytes.Equal(got, data) {
			t.Errorf("a blob of %d bytes comes back with %d bytes, %v", size, len(got), err)
		}
		if loose := count(t, db, "blob-loose"); loose != 0 {
			t.Errorf("%d marks are left", loose)
		}
	}
}

func TestABlobReplacesAnotherAndItsChunks(t *testing.T) {
	t.Parallel()
	db := storagetest.Memory()
	first := put(t, db, content(3<<20))
	second := put(t, db, content(300<<10))
	if first.ID == second.ID {
		t.Error("a new content has the id of the old one")
	}
	if got, err := readBlob(t, db); err != nil || !bytes.Equal(got, content(300<<10)) {
		t.Errorf("the second content comes back with %d bytes, %v", len(got), err)
	}
	if chunks := count(t, db, "blob"); chunks != 2 {
		t.Errorf("%d chunks are left, want the 2 of the second content", chunks)
	}
}

func TestABlobAboveItsMaximumKeepsNothing(t *testing.T) {
	t.Parallel()
	db := storagetest.Memory()
	put(t, db, []byte("stays"))
	_, err := storage.PutBlob(t.Context(), db, blobKey, bytes.NewReader(content(1<<20+1)), 1<<20)
	if !errors.Is(err, storage.ErrTooLarge) {
		t.Errorf("PutBlob = %v, want ErrTooLarge", err)
	}
	if got, err := readBlob(t, db); string(got) != "stays" || err != nil {
		t.Errorf("the blob before comes back as %q, %v", got, err)
	}
	if chunks, loose := count(t, db, "blob"), count(t, db, "blob-loose"); chunks != 1 || loose != 0 {
		t.Errorf("%d chunks and %d marks are left, want 1 and 0", chunks, loose)
	}
	if _, err := storage.PutBlob(t.Context(), db, blobKey, bytes.NewReader(content(1<<20)), 1<<20); err != nil {
		t.Errorf("a blob of just its maximum = %v", err)
	}
}

func TestABlobWhoseReaderFailsKeepsNothing(t *testing.T) {
	t.Parallel()
	db := storagetest.Memory()
	broken := errors.New("broken pipe")
	r := io.MultiReader(bytes.NewReader(content(600<<10)), iotest.ErrReader(broken))
	if _, err := storage.PutBlob(t.Context(), db, blobKey, r, plenty); !errors.Is(err, broken) {
		t.Errorf("PutBlob = %v, want the reader's error", err)
	}
	if _, err := readBlob(t, db); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("OpenBlob = %v, want ErrNotFound", err)
	}
	if chunks, loose := count(t, db, "blob"), count(t, db, "blob-loose"); chunks != 0 || loose != 0 {
		t.Errorf("%d chunks and %d marks are left", chunks, loose)
	}
}

func TestADeletedBlobLeavesNothing(t *testing.T) {
	t.Parallel()
	db := storagetest.Memory()
	put(t, db, content(20<<20>>1))
	for range 2 {
		if err := storage.DeleteBlob(t.Context(), db, blobKey); err != nil {
			t.Fatal(err)
		}
		if _, err := readBlob(t, db); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("OpenBlob = %v, want ErrNotFound", err)
		}
	}
	if chunks, loose := count(t, db, "blob"), count(t, db, "blob-loose"); chunks != 0 || loose != 0 {
		t.Errorf("%d chunks and %d marks are left", chunks, loose)
	}
}

func TestADamagedBlobIsNotReadToItsEnd(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		damage func(tx storage.Tx, chunk storage.Item) error
		want   error
	}{
		{"a changed byte", func(tx storage.Tx, chunk storage.Item) error {
			changed := bytes.Clone(chunk.Value)
			changed[100]++
			return tx.Set(chunk.Key, changed)
		}, storage.ErrDamaged},
		{"a chunk too short", func(tx storage.Tx, chunk storage.Item) error { return tx.Set(chunk.Key, chunk.Value[:50]) }, storage.ErrDamaged},
		{"an empty chunk", func(tx storage.Tx, chunk storage.Item) error { return tx.Set(chunk.Key, nil) }, storage.ErrDamaged},
		{"a chunk too long", func(tx storage.Tx, chunk storage.Item) error {
			return tx.Set(chunk.Key, append(bytes.Clone(chunk.Value), make([]byte, 200<<10)...))
		}, storage.ErrDamaged},
		{"a missing chunk", func(tx storage.Tx, chunk storage.Item) error { return tx.Delete(chunk.Key) }, storage.ErrNotFound},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			db := storagetest.Memory()
			put(t, db, content(300<<10))
			err := db.Update(t.Context(), func(tx storage.Tx) error {
				for chunk, err := range tx.Scan(storage.NewKey("blob"), nil) {
					if err != nil {
						return err
					}
					return tt.damage(tx, chunk)
				}
				return errors.New("there is no chunk")
			})
			if err != nil {
				t.Fatal(err)
			}
			got, err := readBlob(t, db)
			if !errors.Is(err, tt.want) {
				t.Errorf("reading ends in %v, want %v", err, tt.want)
			}
			if len(got) == 300<<10 {
				t.Error("it is known only after the last byte")
			}
		})
	}
}

func TestABlobCutOffByACrashIsSwept(t *testing.T) {
	t.Parallel()
	db := storagetest.Memory()
	kept := put(t, db, []byte("kept"))
	before := time.Now()
	crashed, crash := context.WithCancel(t.Context())
	r := io.MultiReader(bytes.NewReader(content(600<<10)), readFunc(func([]byte) (int, error) {
		crash()
		return 0, io.EOF
	}))
	_, err := storage.PutBlob(crashed, deadAfter{db, crashed}, storage.NewKey("other"), r, plenty)
	if err == nil {
		t.Fatal("PutBlob succeeds over a crash")
	}
	if chunks, loose := count(t, db, "blob"), count(t, db, "blob-loose"); chunks != 4 || loose != 1 {
		t.Fatalf("%d chunks and %d marks after the crash, want 4 and 1", chunks, loose)
	}
	if n, err := storage.SweepBlobs(t.Context(), db, before); n != 0 || err != nil {
		t.Errorf("a sweep of what is older = %d, %v, want 0", n, err)
	}
	if n, err := storage.SweepBlobs(t.Context(), db, time.Now().Add(time.Second)); n != 1 || err != nil {
		t.Errorf("a sweep = %d, %v, want 1", n, err)
	}
	if chunks, loose := count(t, db, "blob"), count(t, db, "blob-loose"); chunks != 1 || loose != 0 {
		t.Errorf("%d chunks and %d marks are left, want those of %s", chunks, loose, kept.ID)
	}
}

// deadAfter refuses everything once its context has ended, as after a crash.
type deadAfter struct {
	storage.DB
	ctx context.Context
}

func (d deadAfter) Update(ctx context.Context, fn func(storage.Tx) error) error {
	if d.ctx.Err() != nil {
		return storage.ErrClosed
	}
	return d.DB.Update(ctx, fn)
}

func (d deadAfter) UpdateLater(ctx context.Context, fn func(storage.Tx) error) (func() error, error) {
	return d.DB.UpdateLater(context.WithoutCancel(ctx), fn)
}

type readFunc func([]byte) (int, error)

func (f readFunc) Read(p []byte) (int, error) { return f(p) }

func TestABlobSweptWhileItIsWrittenFails(t *testing.T) {
	t.Parallel()
	db := storagetest.Memory()
	r := io.MultiReader(strings.NewReader("half"), readFunc(func([]byte) (int, error) {
		if _, err := storage.SweepBlobs(t.Context(), db, time.Now().Add(time.Second)); err != nil {
			t.Error(err)
		}
		return 0, io.EOF
	}))
	if _, err := storage.PutBlob(t.Context(), db, blobKey, r, plenty); err == nil {
		t.Error("PutBlob succeeds although its chunks were swept")
	}
	if chunks := count(t, db, "blob"); chunks != 0 {
		t.Errorf("%d chunks are left", chunks)
	}
}

func TestAClosedBlobCannotBeRead(t *testing.T) {
	t.Parallel()
	db := storagetest.Memory()
	put(t, db, content(10))
	r, err := storage.OpenBlob(t.Context(), db, blobKey)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	if n, err := r.Read(make([]byte, 1)); n != 0 || err == nil || err == io.EOF {
		t.Errorf("Read after Close = %d, %v", n, err)
	}
}

func TestBlobsLieInTheScopeOfTheirDB(t *testing.T) {
	t.Parallel()
	db := storagetest.Memory()
	put(t, storage.Scope(db, storage.NewKey("t1")), []byte("mine"))
	if _, err := readBlob(t, storage.Scope(db, storage.NewKey("t2"))); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("another scope finds the blob: %v", err)
	}
	if count(t, db, "blob") != 0 || count(t, db, "t1") != 2 {
		t.Error("chunks lie outside the scope")
	}
}

func FuzzManifest(f *testing.F) {
	db := storagetest.Memory()
	if _, err := storage.PutBlob(context.Background(), db, blobKey, strings.NewReader("x"), 1); err != nil {
		f.Fatal(err)
	}
	_ = db.View(context.Background(), func(tx storage.Tx) error {
		value, err := tx.Get(blobKey)
		f.Add(value)
		return err
	})
	f.Add([]byte{})
	f.Add(bytes.Repeat([]byte{0xFF}, 57))
	f.Add(append([]byte{1}, bytes.Repeat([]byte{0xFF}, 56)...))
	f.Fuzz(func(t *testing.T, manifest []byte) {
		db := storagetest.Memory()
		if err := db.Update(t.Context(), func(tx storage.Tx) error { return tx.Set(blobKey, manifest) }); err != nil {
			return // larger than a value
		}
		if data, err := readBlob(t, db); err == nil && len(data) > 0 {
			t.Errorf("a blob without chunks yields %q", data)
		}
	})
}
