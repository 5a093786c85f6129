package badgerdb_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/carrelhq/carrel/storage"
	"github.com/carrelhq/carrel/storage/badgerdb"
)

func TestABackupOfARunningStoreRestoresOneState(t *testing.T) {
	t.Parallel()
	db := open(t, badgerdb.Options{})
	large := bytes.Repeat([]byte("large"), 100_000)
	if _, err := storage.PutBlob(t.Context(), db, []byte("blob"), bytes.NewReader(large), 1<<20); err != nil {
		t.Fatal(err)
	}
	mustSet(t, db, "empty", "")
	// Updates that keep x and y equal go on during the backup.
	ctx, stop := context.WithCancel(t.Context())
	stopped := make(chan struct{})
	begun := make(chan struct{})
	go func() {
		defer close(stopped)
		for i := 0; ctx.Err() == nil; i++ {
			if err := db.Update(t.Context(), func(tx storage.Tx) error {
				n := fmt.Append(nil, i)
				return errors.Join(tx.Set([]byte("x"), n), tx.Set(fmt.Appendf(nil, "between/%06d", i), n), tx.Set([]byte("y"), n))
			}); err != nil {
				t.Error(err)
			}
			if i == 10 {
				close(begun)
			}
		}
	}()
	<-begun
	var backup bytes.Buffer
	if err := db.Backup(t.Context(), &backup); err != nil {
		t.Fatal(err)
	}
	stop()
	<-stopped

	dir := filepath.Join(t.TempDir(), "restored")
	if err := badgerdb.Restore(t.Context(), dir, bytes.NewReader(backup.Bytes())); err != nil {
		t.Fatal(err)
	}
	restored := open(t, badgerdb.Options{Dir: dir})
	if x, y := get(t, restored, "x"), get(t, restored, "y"); x != y || x == "(absent)" {
		t.Errorf("x = %s and y = %s, want one state", x, y)
	}
	if get(t, restored, "empty") != "" {
		t.Error("the empty value is not restored")
	}
	r, err := storage.OpenBlob(t.Context(), restored, []byte("blob"))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, large) {
		t.Errorf("the blob is restored as %d bytes, %v", len(got), err)
	}
	var again bytes.Buffer
	if err := restored.Backup(t.Context(), &again); err != nil || !bytes.Equal(again.Bytes(), backup.Bytes()) {
		t.Errorf("a backup of the restored store differs: %d and %d bytes, %v", again.Len(), backup.Len(), err)
	}
}

func TestABackupOfManyItemsIsRestoredWhole(t *testing.T) {
	t.Parallel()
	db := open(t, badgerdb.Options{})
	const n, at = 12_000, 2_000
	for i := 0; i < n; i += at {
		if err := db.Update(t.Context(), func(tx storage.Tx) error {
			for j := range at {
				if err := tx.Set(fmt.Appendf(nil, "%08d", i+j), []byte(strings.Repeat("v", 200))); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	var backup bytes.Buffer
	if err := db.Backup(t.Context(), &backup); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir() // an empty directory will do
	if err := badgerdb.Restore(t.Context(), dir, &backup); err != nil {
		t.Fatal(err)
	}
	restored, count := open(t, badgerdb.Options{Dir: dir}), 0
	if err := restored.View(t.Context(), func(tx storage.Tx) error {
		for item, err := range tx.Scan(nil, nil) {
			if err != nil || string(item.Key) != fmt.Sprintf("%08d", count) {
				return fmt.Errorf("item %d is %q, %w", count, item.Key, err)
			}
			count++
		}
		return nil
	}); err != nil || count != n {
		t.Errorf("%d items are restored, %v, want %d", count, err, n)
	}
}

func smallBackup(t testing.TB) []byte {
	t.Helper()
	db := open(t, badgerdb.Options{})
	mustSet(t, db, "a", "1")
	mustSet(t, db, "b", strings.Repeat("2", 300))
	mustSet(t, db, "c", "")
	var backup bytes.Buffer
	if err := db.Backup(context.Background(), &backup); err != nil {
		t.Fatal(err)
	}
	return backup.Bytes()
}

func TestABadBackupLeavesNothing(t *testing.T) {
	t.Parallel()
	good := smallBackup(t)
	tests := []struct {
		name   string
		backup []byte
	}{
		{"empty", nil},
		{"something else", []byte("PK\x03\x04 a zip file, perhaps")},
		{"a newer form", bytes.Replace(good, []byte("backup 1"), []byte("backup 2"), 1)},
		{"cut off in its name", good[:8]},
		{"cut off after its name", good[:len("carrel-backup 1\n")]},
		{"cut off in an item", good[:40]},
		{"cut off before its end", good[:len(good)-34]},
		{"cut off in its sum", good[:len(good)-1]},
		{"a changed value", bytes.Replace(good, []byte("222"), []byte("232"), 1)},
		{"a changed key", bytes.Replace(good, []byte("a1"), []byte("A1"), 1)},
		{"something after its end", append(bytes.Clone(good), 0)},
		{"a huge length", append([]byte("carrel-backup 1\n\x01"), bytes.Repeat([]byte{0xFF}, 9)...)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			parent := t.TempDir()
			err := badgerdb.Restore(t.Context(), filepath.Join(parent, "store"), bytes.NewReader(tt.backup))
			if !errors.Is(err, badgerdb.ErrBadBackup) {
				t.Errorf("Restore = %v, want ErrBadBackup", err)
			}
			if left, err := os.ReadDir(parent); len(left) > 0 || err != nil {
				t.Errorf("%v is left, %v", left, err)
			}
		})
	}
}

func TestRestoreDoesNotTouchWhatIsThere(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "letter.txt"), []byte("Dear Sir"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := badgerdb.Restore(t.Context(), dir, bytes.NewReader(smallBackup(t))); err == nil {
		t.Error("Restore succeeds in a directory that is not empty")
	}
	if text, err := os.ReadFile(filepath.Join(dir, "letter.txt")); string(text) != "Dear Sir" || err != nil {
		t.Errorf("the file there is now %q, %v", text, err)
	}
}

func TestABackupStopsWithItsContextAndItsWriter(t *testing.T) {
	t.Parallel()
	db := open(t, badgerdb.Options{})
	mustSet(t, db, "a", strings.Repeat("a", 200_000))
	broken := errors.New("broken pipe")
	if err := db.Backup(t.Context(), failingWriter{broken}); !errors.Is(err, broken) {
		t.Errorf("Backup to a broken writer = %v", err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(broken)
	if err := db.Backup(ctx, io.Discard); !errors.Is(err, broken) {
		t.Errorf("Backup under an ended context = %v", err)
	}
	dir := filepath.Join(t.TempDir(), "store")
	if err := badgerdb.Restore(ctx, dir, bytes.NewReader(smallBackup(t))); !errors.Is(err, broken) {
		t.Errorf("Restore under an ended context = %v", err)
	}
}

type failingWriter struct{ err error }

func (w failingWriter) Write([]byte) (int, error) { return 0, w.err }
