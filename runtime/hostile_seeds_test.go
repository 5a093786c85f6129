package runtime

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write testdata/hostile anew")

// seedBytes is the most that a module may have to be kept as a file.
const seedBytes = 4 << 10

// TestHostileFiles holds the small ones of the modules to the files that other
// tests begin with, as fuzzing does.
func TestHostileFiles(t *testing.T) {
	t.Parallel()
	dir := filepath.Join("testdata", "hostile")
	want := map[string][]byte{}
	for _, h := range hostiles {
		if m := h.module(); len(m) < seedBytes {
			want[filepath.Join(dir, fileName(h.id()))] = m
		}
	}
	if *update {
		writeSeeds(t, dir, want)
	}
	have, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(have) != len(want) {
		t.Errorf("%d files are there, want %d (%v); go test -run TestHostileFiles -update", len(have), len(want), err)
	}
	for path, m := range want {
		if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, m) {
			t.Errorf("%s is not what its case makes (%v); go test -run TestHostileFiles -update", path, err)
		}
	}
}

func writeSeeds(t *testing.T, dir string, files map[string][]byte) {
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for path, m := range files {
		if err := os.WriteFile(path, m, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// fileName makes a name of a case fit for a file.
func fileName(id string) string {
	clean := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '^', r == '_', r == '-':
			return r
		case r == ' ':
			return '-'
		}
		return -1
	}, id)
	return strings.TrimLeft(clean, "-") + ".wasm"
}
