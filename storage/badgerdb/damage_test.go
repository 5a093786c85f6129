package badgerdb_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/carrelhq/carrel/storage"
	"github.com/carrelhq/carrel/storage/badgerdb"
)

// TestADamagedFileIsAnErrorAndNotACrash opens damaged stores in children, as
// Badger may end the process.
func TestADamagedFileIsAnErrorAndNotACrash(t *testing.T) {
	t.Parallel()
	whole := damageable(t)
	damages := []struct {
		name   string
		damage func(content []byte) []byte
	}{
		{"emptied", func(content []byte) []byte { return nil }},
		{"cut in half", func(content []byte) []byte { return content[:len(content)/2] }},
		{"cut to a few bytes", func(content []byte) []byte { return content[:min(10, len(content))] }},
		{"all ones", func(content []byte) []byte { return []byte(strings.Repeat("\xff", len(content))) }},
		{"all zeros", func(content []byte) []byte { return make([]byte, len(content)) }},
		{"changed in the middle", func(content []byte) []byte {
			content[len(content)/2] ^= 0x55
			return content
		}},
		{"changed at its end", func(content []byte) []byte {
			content[len(content)-3] ^= 0x55
			return content
		}},
	}
	entries, err := os.ReadDir(whole)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		for _, d := range damages {
			t.Run(e.Name()+" "+d.name, func(t *testing.T) {
				t.Parallel()
				dir := t.TempDir()
				if err := os.CopyFS(dir, os.DirFS(whole)); err != nil {
					t.Fatal(err)
				}
				path := filepath.Join(dir, e.Name())
				content, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				if len(content) == 0 {
					t.Skip("the file is empty")
				}
				if err := os.WriteFile(path, d.damage(content), 0o600); err != nil {
					t.Fatal(err)
				}
				cmd := child(t, envDamaged+"=1", envDir+"="+dir)
				cmd.Stderr = nil
				out, err := cmd.Output()
				var exit *exec.ExitError
				if errors.As(err, &exit) {
					t.Errorf("the process dies: %v\n%.1500s", err, exit.Stderr)
				} else if err != nil {
					t.Error(err)
				}
				t.Logf("%s", out)
			})
		}
	}
}

// damageable makes a store with something in each kind of file, as a crash
// would leave it: what the engine has mapped is in the files.
func damageable(t *testing.T) string {
	t.Helper()
	dir, image := t.TempDir(), t.TempDir()
	for life := range 2 {
		db, err := badgerdb.Open(badgerdb.Options{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		for i := range 20 {
			mustSet(t, db, fmt.Sprintf("small/%d/%d", life, i), strings.Repeat("s", 500))
			mustSet(t, db, fmt.Sprintf("large/%d/%d", life, i), strings.Repeat("l", 50_000))
		}
		if life == 1 {
			if err := os.CopyFS(image, os.DirFS(dir)); err != nil {
				t.Fatal(err)
			}
			shorten(t, image)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return image
}

// shorten takes most of the holes from the ends of logs, so that copies are cheap.
func shorten(t *testing.T, dir string) {
	t.Helper()
	const written = 4 << 20 // at most
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		info, err := e.Info()
		if err == nil && info.Size() > written {
			err = os.Truncate(filepath.Join(dir, e.Name()), written)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// readDamaged runs in the child.
func readDamaged(dir string) int {
	db, err := badgerdb.Open(badgerdb.Options{Dir: dir})
	if err != nil {
		fmt.Println("open:", err)
		return 0
	}
	n := 0
	err = db.View(context.Background(), func(tx storage.Tx) error {
		for _, err := range tx.Scan(nil, nil) {
			if err != nil {
				return err
			}
			n++
		}
		return nil
	})
	fmt.Println("read", n, err)
	err = db.Update(context.Background(), func(tx storage.Tx) error { return tx.Set([]byte("new"), []byte("value")) })
	fmt.Println("update:", err)
	fmt.Println("close:", db.Close())
	return 0
}

// TestATableThatACrashLeftHalfWrittenIsNoDamage has tables that no manifest names,
// as a process leaves them that is killed while it writes one.
func TestATableThatACrashLeftHalfWrittenIsNoDamage(t *testing.T) {
	t.Parallel()
	dir := damageable(t)
	for name, content := range map[string]string{"000900.sst": "", "000901.sst": "half a table", "000902.sst": strings.Repeat("\x00", 1<<20)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	db, err := badgerdb.Open(badgerdb.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Error(err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "00090*.sst")); len(left) != 0 {
		t.Errorf("%v are still there", left)
	}
}
