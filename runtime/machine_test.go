package runtime

import (
	"math"
	"os"
	"path/filepath"
	"testing"
)

func TestTheLeastLimitOfAllGroupsHolds(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		membership string
		files      map[string]string
		want       int64
	}{
		"no groups":           {"", nil, math.MaxInt64},
		"no limit":            {"0::/a/b\n", map[string]string{"a/b/memory.max": "max\n"}, math.MaxInt64},
		"its own":             {"0::/a/b\n", map[string]string{"a/b/memory.max": "1000\n", "a/memory.max": "2000\n"}, 1000},
		"that of one above":   {"0::/a/b\n", map[string]string{"a/b/memory.max": "3000\n", "a/memory.max": "2000\n"}, 2000},
		"a container's":       {"0::/docker/12\n", map[string]string{"memory.max": "4000\n"}, 4000},
		"version 1":           {"5:cpu,memory:/a\n4:pids:/x\n", map[string]string{"memory/a/memory.limit_in_bytes": "5000\n"}, 5000},
		"a name with dots":    {"0::/../../a\n", map[string]string{"a/memory.max": "6000\n"}, 6000},
		"lines of nonsense":   {"x\n:\n\n", nil, math.MaxInt64},
		"numbers of no sense": {"0::/a\n", map[string]string{"a/memory.max": "-1\n", "memory.max": "1e9"}, math.MaxInt64},
	} {
		mount := t.TempDir()
		membership := filepath.Join(mount, "membership")
		writeText(t, membership, c.membership)
		for file, text := range c.files {
			writeText(t, filepath.Join(mount, file), text)
		}
		if got := groupMemory(membership, mount); got != c.want {
			t.Errorf("%s: got %d, want %d", name, got, c.want)
		}
	}
	if got := machineMemory(); got <= 0 || got == math.MaxInt64 {
		t.Errorf("this machine has %d bytes", got)
	}
}

func writeText(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
