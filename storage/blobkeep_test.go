package storage_test

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/carrelhq/carrel/storage"
	"github.com/carrelhq/carrel/storage/storagetest"
)

func written(t *testing.T, db storage.DB, data []byte) storage.Blob {
	t.Helper()
	blob, err := storage.WriteBlob(t.Context(), db, bytes.NewReader(data), plenty)
	if err != nil {
		t.Fatal(err)
	}
	return blob
}

func TestABlobIsKeptByAnUpdateOrNotAtAll(t *testing.T) {
	t.Parallel()
	db := storagetest.Memory()
	blob := written(t, db, content(600<<10))
	if _, err := readBlob(t, db); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("a blob that is not kept = %v, want ErrNotFound", err)
	}
	failed := errors.New("failed")
	keep := func(outcome error) error {
		return db.Update(t.Context(), func(tx storage.Tx) error {
			return errors.Join(storage.KeepBlob(tx, blobKey, blob), outcome)
		})
	}
	if err := keep(failed); !errors.Is(err, failed) {
		t.Fatal(err)
	}
	if loose := count(t, db, "blob-loose"); loose != 1 {
		t.Errorf("%d blobs are loose after an update that failed, want 1", loose)
	}
	if err := keep(nil); err != nil {
		t.Fatal(err)
	}
	for range 2 { // dropping what is kept does nothing
		if got, err := readBlob(t, db); err != nil || !bytes.Equal(got, content(600<<10)) {
			t.Errorf("the blob comes back with %d bytes, %v", len(got), err)
		}
		if err := storage.DropBlob(t.Context(), db, blob); err != nil {
			t.Fatal(err)
		}
	}
	if err := keep(nil); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("kept twice = %v, want ErrNotFound", err)
	}
}

func TestABlobThatIsNotKeptLeavesNothing(t *testing.T) {
	t.Parallel()
	tests := map[string]func(db storage.DB, b storage.Blob) error{
		"dropped": func(db storage.DB, b storage.Blob) error { return storage.DropBlob(t.Context(), db, b) },
		"swept": func(db storage.DB, b storage.Blob) error {
			_, err := storage.SweepBlobs(t.Context(), db, time.Now().Add(time.Second))
			return err
		},
	}
	for name, clear := range tests {
		db := storagetest.Memory()
		blob := written(t, db, content(300<<10))
		if err := clear(db, blob); err != nil {
			t.Fatal(err)
		}
		if chunks, loose := count(t, db, "blob"), count(t, db, "blob-loose"); chunks != 0 || loose != 0 {
			t.Errorf("%s: %d chunks and %d marks are left", name, chunks, loose)
		}
		err := db.Update(t.Context(), func(tx storage.Tx) error { return storage.KeepBlob(tx, blobKey, blob) })
		if !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("%s, and kept = %v, want ErrNotFound", name, err)
		}
	}
}

func TestABlobIsReadFromAnyOffset(t *testing.T) {
	t.Parallel()
	const chunk = 256 << 10
	for _, size := range []int{0, 1, chunk, chunk + 1, 3 * chunk} {
		db := storagetest.Memory()
		data := content(size)
		put(t, db, data)
		for _, offset := range []int{-1, 0, 1, chunk - 1, chunk, chunk + 1, size - 1, size, size + 1, 1 << 40} {
			r, err := storage.OpenBlobAt(t.Context(), db, blobKey, int64(offset))
			if err != nil {
				t.Fatalf("%d bytes from %d: %v", size, offset, err)
			}
			got, err := io.ReadAll(r)
			if want := data[min(max(offset, 0), size):]; err != nil || !bytes.Equal(got, want) {
				t.Errorf("%d bytes from %d: got %d, %v, want %d", size, offset, len(got), err, len(want))
			}
		}
	}
}
