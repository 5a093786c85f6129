package badgerdb_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/carrelhq/carrel/storage"
	"github.com/carrelhq/carrel/storage/badgerdb"
)

// smallDisk mounts a file system of its own, or skips the test where that is
// not allowed: TestAFullDisk… with an injected fault then stand alone.
func smallDisk(t *testing.T, megabytes int) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%dm,mode=0700", megabytes)); err != nil {
		t.Skipf("a file system cannot be mounted here: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// fillDisk leaves no byte free in dir and returns the file to remove.
func fillDisk(t *testing.T, dir string) string {
	t.Helper()
	filler := filepath.Join(dir, "filler")
	f, err := os.Create(filler)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for chunk := make([]byte, 1<<20); ; {
		n, err := f.Write(chunk)
		switch {
		case errors.Is(err, syscall.ENOSPC) && len(chunk) > 1:
			chunk = chunk[:len(chunk)/2]
		case errors.Is(err, syscall.ENOSPC):
			return filler
		case err != nil:
			t.Fatalf("after %d bytes: %v", n, err)
		}
	}
}

func TestAFullFileSystemMakesTheStoreReadOnlyUntilThereIsRoom(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name      string
		megabytes int
		value     int
	}{
		{"small records on a small disk", 60, 300},
		{"small records on a larger disk", 150, 3000},
		{"blobs on a small disk", 60, 256 << 10},
		{"blobs on a larger disk", 200, 256 << 10},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			root := smallDisk(t, tt.megabytes)
			dir := filepath.Join(root, "store")
			db, err := badgerdb.Open(badgerdb.Options{Dir: dir})
			if err != nil {
				t.Fatal(err)
			}
			closed := false
			defer func() {
				if !closed {
					_ = db.Close()
				}
			}()
			acked, err := writeUntilRefused(t, db, tt.value)
			if !errors.Is(err, storage.ErrReadOnly) || !strings.Contains(err.Error(), "disk is full") {
				t.Fatalf("after %d updates: %v, want ErrReadOnly that names the disk", acked, err)
			}
			if acked == 0 || db.ReadOnlyCause() == nil {
				t.Errorf("%d updates were taken, cause %v", acked, db.ReadOnlyCause())
			}
			checkWritten(t, db, acked, tt.value)

			filler := fillDisk(t, root)
			checkWritten(t, db, acked, tt.value)
			if _, err := writeUntilRefused(t, db, tt.value); !errors.Is(err, storage.ErrReadOnly) {
				t.Errorf("an update on a disk with no byte free = %v", err)
			}
			if err := errors.Join(os.Remove(filler), syscall.Mount("", root, "", syscall.MS_REMOUNT, fmt.Sprintf("size=%dm", 4*tt.megabytes))); err != nil {
				t.Fatal(err)
			}
			if cause := db.ReadOnlyCause(); cause != nil {
				t.Errorf("with room again the cause is %v", cause)
			}
			mustSet(t, db, "after", "room")

			closed = true
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
			db = open(t, badgerdb.Options{Dir: dir})
			checkWritten(t, db, acked, tt.value)
			if get(t, db, "after") != "room" {
				t.Error("the update after there was room again is lost")
			}
		})
	}
}

func filledKey(i int) []byte { return fmt.Appendf(nil, "fill/%08d", i) }

func writeUntilRefused(t *testing.T, db storage.DB, size int) (acked int, err error) {
	t.Helper()
	value := bytes.Repeat([]byte("v"), size)
	for err == nil {
		first := acked
		err = db.Update(t.Context(), func(tx storage.Tx) error {
			for i := range max(1, 100_000/size) {
				if err := tx.Set(filledKey(first+i), value); err != nil {
					return err
				}
			}
			return nil
		})
		if err == nil {
			acked += max(1, 100_000/size)
		}
	}
	return acked, err
}

func checkWritten(t *testing.T, db storage.DB, acked, size int) {
	t.Helper()
	n := 0
	err := db.View(t.Context(), func(tx storage.Tx) error {
		for item, err := range tx.Scan([]byte("fill/"), nil) {
			if err != nil {
				return err
			}
			if !bytes.Equal(item.Key, filledKey(n)) || len(item.Value) != size {
				return fmt.Errorf("item %d is %q with %d bytes", n, item.Key, len(item.Value))
			}
			n++
		}
		return nil
	})
	if err != nil || n != acked {
		t.Errorf("%d of %d acknowledged records are there, %v", n, acked, err)
	}
}

func TestClosingOnAFullDiskLosesNothing(t *testing.T) {
	t.Parallel()
	root := smallDisk(t, 100)
	dir := filepath.Join(root, "store")
	cmd := child(t, envFullDisk+"="+root, envDir+"="+dir)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("the child ends with %v: %s", err, out)
	}
	if !strings.Contains(string(out), "closed without tidying up") {
		t.Errorf("Close says %q", out)
	}
	if _, err := badgerdb.Open(badgerdb.Options{Dir: dir}); err == nil || !strings.Contains(err.Error(), "disk is full") {
		t.Errorf("opening on a full disk = %v, want that the disk is full", err)
	}
	if err := os.Remove(filepath.Join(root, "filler")); err != nil {
		t.Fatal(err)
	}
	if got := get(t, open(t, badgerdb.Options{Dir: dir}), "before"); got != strings.Repeat("full", 1000) {
		t.Errorf("what was written before the disk was full is %q", got)
	}
}
