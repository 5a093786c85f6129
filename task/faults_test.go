package task_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// faults are mistakes that somebody might make, and the test that notices each.
// The mistake is put into a copy of the file, for one run of that test.
var faults = []struct {
	name, file, old, new, test string
}{
	{
		"what a late worker writes is accepted", "run.go",
		"if e.h.fence != r.fence {", "if false {", "TestWhatALateWorkerWritesIsRefused",
	},
	{
		"a sequence number is used twice", "edit.go",
		"	e.h.seq++\n", "	e.h.seq += uint64(len(e.events)+1) % 2\n", "TestAnEchoTaskHasFourEvents",
	},
	{
		"a follower is not woken", "log.go",
		"	l.broker.Notify(topic(ref.Tenant, id))\n", "", "TestAFollowerThatWaitsIsWoken",
	},
	{
		"what a lost attempt streamed counts", "fold.go",
		"e.attempt == 0 || e.attempt == valid[e.run]", "e.attempt <= valid[e.run]", "TestATaskLostInACrashIsRunAgainAtOnce",
	},
	{
		"a turn is not passed on", "turns.go",
		"	return e.passTurn(ids[0])\n", "	return nil\n", "TestATurnPassesHoweverATaskEnds",
	},
	{
		"a second task does not see that the first has the turn", "turns.go",
		"if !h.due.IsZero() {", "if h.due.Unix() == 1 {", "TestATurnPassesHoweverATaskEnds",
	},
	{
		"a lease never runs out", "claim.go",
		"m.opts.Shared && h.due.After(e.now):", "m.opts.Shared:", "TestOnASharedStoreALeaseIsHonouredUntilItRunsOut",
	},
	{
		"a lease is not honoured", "claim.go",
		"m.opts.Shared && h.due.After(e.now):", "false:", "TestOnASharedStoreALeaseIsHonouredUntilItRunsOut",
	},
	{
		"a state is left that is final", "states.go",
		"if !slices.Contains(transitions[from], to) {", "if !slices.Contains(transitions[from], to) && to == from {", "TestTheStateMachineIsTheOneThatIsDrawn",
	},
	{
		"a task that kills its process is tried for ever", "claim.go",
		"		e.h.lost++\n	}\n	if", "	}\n	if", "TestATaskThatKillsItsProcessIsGivenUp",
	},
	{
		"a retry comes before its back-off", "claim.go",
		"if h.lost > 0 && h.due.After(e.now) {", "if false {", "TestARetryDoesNotComeBeforeItsBackOff",
	},
	{
		"a context is saved over another run's", "context.go",
		"	if stored.version != saved.base {", "	if stored.version > saved.base+1 {", "TestAContextIsNotSavedOverAnother",
	},
	{
		"an event may be seen before it is durable", "edit.go",
		"		if len(e.events) > 0 {", "		if false {", "TestAnEventIsDurableBeforeItIsSeen",
	},
	{
		"a run reads before its task is durable", "reserve.go",
		"r.version, r.created", "r.version, nil", "TestARunMayBeginBeforeTheDiskHasItsTask",
	},
	{
		"a task is acknowledged before it is durable", "send.go",
		"if err := durable(); err != nil {", "if err := durable(); err != nil && false {", "TestATaskThatTheDiskRefusesIsNotThere",
	},
	{
		"a follower trusts its memory where others write", "tail.go",
		"tl = &tail{alone: !t.shared}", "tl = &tail{alone: true}", "TestAFollowerSeesWhatAnotherProcessWrites",
	},
	{
		"a page token serves another query", "list.go",
		"!bytes.Equal(data[:8], q.mark())", "false", "TestListsThatAreRefused",
	},
}

func TestSeededFaultsAreNoticed(t *testing.T) {
	t.Parallel()
	if os.Getenv("CARREL_FAULT") != "" {
		t.Skip("this is a run with a fault")
	}
	for _, f := range faults {
		t.Run(f.name, func(t *testing.T) {
			overlay := seed(t, f.file, f.old, f.new)
			cmd := exec.Command("go", "test", "-overlay", overlay, "-count=1", "-timeout=2m", "-run", "^("+f.test+")$", ".")
			cmd.Env = append(os.Environ(), "CARREL_FAULT="+f.name)
			out, err := cmd.CombinedOutput()
			switch {
			case err == nil:
				t.Errorf("%s did not notice:\n%s", f.test, out)
			case !strings.Contains(string(out), "--- FAIL: Test") && !strings.Contains(string(out), "panic: deadlock"):
				t.Errorf("the run failed for another reason:\n%s", out)
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
	path, err := filepath.Abs(file)
	if err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(map[string]map[string]string{"Replace": {path: broken}})
	if err != nil {
		t.Fatal(err)
	}
	overlay := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(overlay, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return overlay
}
