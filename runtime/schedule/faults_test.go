package schedule_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// faults are mistakes that somebody might make, and the test that notices each.
var faults = []struct{ name, file, old, new, test string }{
	{"a slice never ends", "turn.go", "if time.Since(t.began) < t.s.slice {", "if true {", "TestAGuestOfAnIdleTenantWaitsForASliceAtMost"},
	{"tenants are served by chance", "schedule.go", "t.used < first.used ||", "true ||", "TestTenantsShareTheCPUHoweverManyGuestsTheyHave"},
	{"an idle tenant saves up", "schedule.go", "	of.used = max(of.used, s.clock)\n	of.guests++", "	of.guests++", "TestAnIdleTenantDoesNotSaveUp"},
	{"the last comes first", "schedule.go", "	turn := first.queue[0]\n	first.queue = first.queue[1:]", "	turn := first.queue[len(first.queue)-1]\n	first.queue = first.queue[:len(first.queue)-1]", "TestGuestsOfATenantGoInOrder"},
	{"a slot is lost when a context ends", "schedule.go", "		t.Leave()\n		return nil, err\n", "		return nil, err\n", "TestASlotIsNotLostToAContextThatEnds"},
	{"who gives up stays in the queue", "turn.go", "	s.withdraw(t) //", "	//", "TestWhatEndsAWait"},
	{"a paused guest keeps its slot", "turn.go", "	if t.running {\n		s.stop(t)\n	}\n}\n\n// Resume", "}\n\n// Resume", "TestAPausedGuestHasNoSlot"},
	{"a slot is given twice", "schedule.go", "	if next == nil {\n		s.free++", "	s.free++\n	if next == nil {", "TestNeverMoreThanTheSlots"},
}

func TestSeededFaultsAreNoticed(t *testing.T) {
	t.Parallel()
	if os.Getenv("CARREL_FAULT") != "" {
		t.Skip("this is a run with a fault")
	}
	for _, f := range faults {
		t.Run(f.name, func(t *testing.T) {
			cmd := exec.Command("go", "test", "-overlay", seed(t, f.file, f.old, f.new), "-count=1", "-timeout=20s", "-run", "^("+f.test+")$", ".")
			cmd.Env = append(os.Environ(), "CARREL_FAULT="+f.name)
			out, err := cmd.CombinedOutput()
			switch {
			case err == nil:
				t.Errorf("%s did not notice:\n%s", f.test, out)
			case strings.Contains(string(out), "[build failed]"):
				t.Errorf("the fault does not compile:\n%s", out)
			}
		})
	}
}

// seed writes a copy of the file with the fault in it and returns the overlay that puts it in place.
func seed(t *testing.T, file, old, new string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Count(string(text), old) != 1 {
		t.Fatalf("%s has %q %d times; the fault must be seeded anew", file, old, strings.Count(string(text), old))
	}
	dir := t.TempDir()
	broken := filepath.Join(dir, file)
	if err := os.WriteFile(broken, []byte(strings.Replace(string(text), old, new, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	whole, err := filepath.Abs(file)
	if err != nil {
		t.Fatal(err)
	}
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{whole: broken}})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(path, overlay, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
