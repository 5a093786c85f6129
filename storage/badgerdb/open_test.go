package badgerdb_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/carrelhq/carrel/storage"
	"github.com/carrelhq/carrel/storage/badgerdb"
)

func mustSet(t testing.TB, db storage.DB, key, value string) {
	t.Helper()
	if err := db.Update(context.Background(), func(tx storage.Tx) error { return tx.Set([]byte(key), []byte(value)) }); err != nil {
		t.Fatal(err)
	}
}

func get(t testing.TB, db storage.DB, key string) (value string) {
	t.Helper()
	err := db.View(context.Background(), func(tx storage.Tx) error {
		v, err := tx.Get([]byte(key))
		value = string(v)
		return err
	})
	if errors.Is(err, storage.ErrNotFound) {
		return "(absent)"
	}
	if err != nil {
		t.Fatal(err)
	}
	return value
}

func TestAStoreIsFoundAsItWasClosed(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "a", "new", "directory")
	large := strings.Repeat("large", 50_000)
	for range 3 {
		db, err := badgerdb.Open(badgerdb.Options{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		if err := db.Update(t.Context(), func(tx storage.Tx) error {
			return errors.Join(tx.Set([]byte("empty"), nil), tx.Set([]byte("large"), []byte(large)), tx.Set(nil, []byte("root")),
				tx.Add([]byte("opened"), 1), tx.Set([]byte("deleted"), []byte("x")))
		}); err != nil {
			t.Fatal(err)
		}
		if _, err := db.UpdateLater(t.Context(), func(tx storage.Tx) error { return tx.Delete([]byte("deleted")) }); err != nil {
			t.Fatal(err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for _, readOnly := range []bool{true, false} {
		db, err := badgerdb.Open(badgerdb.Options{Dir: dir, ReadOnly: readOnly})
		if err != nil {
			t.Fatal(err)
		}
		if get(t, db, "empty") != "" || get(t, db, "large") != large || get(t, db, "") != "root" || get(t, db, "deleted") != "(absent)" {
			t.Errorf("read-only %v: values are not found as they were written", readOnly)
		}
		if n, err := storage.DecodeCounter([]byte(get(t, db, "opened"))); err != nil || n != 3 {
			t.Errorf("read-only %v: counter = %d, %v, want 3", readOnly, n, err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
	info, err := os.Stat(dir)
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the directory has mode %v, %v, want 0700", info.Mode().Perm(), err)
	}
}

func TestAReadOnlyStoreRefusesUpdates(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	db, err := badgerdb.Open(badgerdb.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	mustSet(t, db, "a", "1")
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	before := listing(t, dir)
	db, err = badgerdb.Open(badgerdb.Options{Dir: dir, ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Update(t.Context(), func(tx storage.Tx) error { return nil }); !errors.Is(err, storage.ErrReadOnly) {
		t.Errorf("Update = %v, want ErrReadOnly", err)
	}
	if db.ReadOnlyCause() == nil || get(t, db, "a") != "1" {
		t.Errorf("cause = %v, value = %q", db.ReadOnlyCause(), get(t, db, "a"))
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if after := listing(t, dir); after != before {
		t.Errorf("reading changed the directory from\n%s\nto\n%s", before, after)
	}
}

// listing shows the files of a store with their sizes.
func listing(t *testing.T, dir string) string {
	var out strings.Builder
	if err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err == nil && info.Mode().IsRegular() {
			out.WriteString(e.Name() + " " + info.ModTime().String() + "\n")
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestAStoreInUseIsLocked(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	db := open(t, badgerdb.Options{Dir: dir})
	for _, readOnly := range []bool{false, true} {
		_, err := badgerdb.Open(badgerdb.Options{Dir: dir, ReadOnly: readOnly})
		if !errors.Is(err, badgerdb.ErrLocked) || !strings.Contains(err.Error(), dir) {
			t.Errorf("opening a store in use (read-only %v) = %v, want ErrLocked that names it", readOnly, err)
		}
	}
	mustSet(t, db, "still", "works")
}

func TestADirectoryThatIsNoStoreIsRefused(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		files map[string]string
		want  error
	}{
		{"a newer format", map[string]string{"FORMAT": "carrel-store 2\n"}, badgerdb.ErrNewerFormat},
		{"another word", map[string]string{"FORMAT": "something 1\n"}, badgerdb.ErrNotAStore},
		{"no number", map[string]string{"FORMAT": "carrel-store\n"}, badgerdb.ErrNotAStore},
		{"an empty format file", map[string]string{"FORMAT": ""}, badgerdb.ErrNotAStore},
		{"a huge format file", map[string]string{"FORMAT": strings.Repeat("carrel-store 1 ", 1<<16)}, badgerdb.ErrNotAStore},
		{"something else", map[string]string{"letter.txt": "Dear Sir"}, badgerdb.ErrNotAStore},
		{"a Badger directory of somebody else", map[string]string{"MANIFEST": "Bdgr"}, badgerdb.ErrNotAStore},
		{"a damaged manifest", map[string]string{"FORMAT": "carrel-store 1\n", "MANIFEST": "garbage garbage"}, badgerdb.ErrNotAStore},
		{"a damaged key registry", map[string]string{"FORMAT": "carrel-store 1\n", "KEYREGISTRY": "garbage garbage"}, badgerdb.ErrNotAStore},
		{"a misnamed log", map[string]string{"FORMAT": "carrel-store 1\n", "oops.mem": "x"}, badgerdb.ErrNotAStore},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			for name, text := range tt.files {
				if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			db, err := badgerdb.Open(badgerdb.Options{Dir: dir})
			if !errors.Is(err, tt.want) || !strings.Contains(err.Error(), dir) {
				t.Errorf("Open = %v, want %v and the directory", err, tt.want)
			}
			if err == nil {
				db.Close()
			}
		})
	}
}

func TestAFileInPlaceOfTheDirectoryIsRefused(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := badgerdb.Open(badgerdb.Options{Dir: path}); err == nil {
		t.Error("Open succeeds on a file")
	}
}

func TestWhatACrashLeavesOfANewStoreCanBeOpened(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "FORMAT-123"), []byte("carr"), 0o600); err != nil {
		t.Fatal(err)
	}
	mustSet(t, open(t, badgerdb.Options{Dir: dir}), "a", "1")
}

func TestWhatACrashLeavesIsOpenedForWritingFirst(t *testing.T) {
	t.Parallel()
	image := damageable(t)
	_, err := badgerdb.Open(badgerdb.Options{Dir: image, ReadOnly: true})
	if err == nil || !strings.Contains(err.Error(), "not closed cleanly") {
		t.Errorf("opening read-only after a crash = %v, want what to do", err)
	}
	db := open(t, badgerdb.Options{Dir: image})
	if get(t, db, "small/1/19") == "(absent)" || get(t, db, "large/1/19") == "(absent)" {
		t.Error("what was acknowledged before the crash is lost")
	}
}

func TestAnAbsentStoreIsNotMadeToReadIt(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "absent")
	if _, err := badgerdb.Open(badgerdb.Options{Dir: dir, ReadOnly: true}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Open = %v, want that the directory does not exist", err)
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("the directory was made")
	}
}

func TestSizeGrowsWithWhatIsWritten(t *testing.T) {
	t.Parallel()
	db := open(t, badgerdb.Options{})
	before := db.Size()
	mustSet(t, db, "a", strings.Repeat("0123456789", 40_000))
	if grown := db.Size() - before; grown < 350_000 || grown > 4<<20 {
		t.Errorf("Size grew by %d bytes for a value of 400,000", grown)
	}
}
