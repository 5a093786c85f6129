// Package faults holds tests to mistakes: it puts one into a copy of a file, runs
// the test that should notice, and fails where it does not. It is a test suite.
package faults

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Fault is a mistake that somebody might make in the package under test or one below:
// Name says which, File has Old exactly once and New takes its place, and Test notices.
// A part of Test may be named: TestA)$/^(part.
type Fault = struct{ Name, File, Old, New, Test string }

// env marks a run with a fault.
const env = "CARREL_FAULT"

// Noticed fails for each fault that its test does not notice. It does nothing in a
// run with a fault.
func Noticed(t *testing.T, faults []Fault) {
	if os.Getenv(env) != "" {
		t.Skip("this is a run with a fault")
	}
	for _, f := range faults {
		t.Run(f.Name, func(t *testing.T) {
			cmd := exec.Command("go", "test", "-overlay", seed(t, f), "-vet=off", "-ldflags=-s -w", "-count=1", "-timeout=1m", "-run", "^("+f.Test+")$", ".")
			cmd.Env = append(os.Environ(), env+"="+f.Name)
			out, err := cmd.CombinedOutput()
			switch text := string(out); {
			case err == nil:
				t.Errorf("%s did not notice:\n%s", f.Test, text)
			case !strings.Contains(text, "--- FAIL: Test") && !strings.Contains(text, "--- FAIL: Fuzz") && !strings.Contains(text, "panic: "):
				t.Errorf("the run failed for another reason:\n%s", text)
			}
		})
	}
}

// seed writes a copy of the file with the fault in it and returns the overlay that puts it in place.
func seed(t *testing.T, f Fault) string {
	t.Helper()
	text, err := os.ReadFile(f.File)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(text), f.Old); n != 1 {
		t.Fatalf("%s has %q %d times; the fault must be seeded anew", f.File, f.Old, n)
	}
	dir := t.TempDir()
	write := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	broken := write(filepath.Base(f.File), strings.Replace(string(text), f.Old, f.New, 1))
	whole, err := filepath.Abs(f.File)
	if err != nil {
		t.Fatal(err)
	}
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{whole: broken}})
	if err != nil {
		t.Fatal(err)
	}
	return write("overlay.json", string(overlay))
}
