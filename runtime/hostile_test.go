package runtime

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
	"time"
)

var errSoon = errors.New("time is up")

// hostiles are all cases, by what they do their harm with.
var hostiles = slices.Concat([]hostile{harmless}, hostileUploads, hostileRuns, hostileCalls)

// harmless is what the others are measured by.
var harmless = hostile{row: "–", name: "a harmless module", module: newReplier("{}").bytes, want: answered}

// longest is how long a case may take before it counts as hung.
const longest = time.Minute

// TestHostile uploads modules that mean harm and runs those that are taken, each
// in a process of its own, so that a death is seen as a death. It holds outcome,
// CPU time and memory of each to what the case says, and prints a table of them.
func TestHostile(t *testing.T) {
	t.Parallel()
	reports := make([]report, len(hostiles))
	try := func(t *testing.T, i int) {
		h := &hostiles[i]
		r, err := inProcess(t.Context(), longest, "hostile", h.id())
		if err != nil {
			t.Fatal(err)
		}
		r.bytes = len(h.module())
		reports[i] = r
		for _, wrong := range h.judge(r, reports[0]) {
			t.Error(wrong)
		}
	}
	try(t, 0)
	t.Cleanup(func() { t.Log(table(reports)) })
	for i := 1; i < len(hostiles); i++ {
		t.Run(hostiles[i].id(), func(t *testing.T) {
			t.Parallel()
			try(t, i)
		})
	}
}

// inProcess runs this test binary with arguments and reads the report that it
// writes. The error says how it died instead.
func inProcess(ctx context.Context, most time.Duration, args ...string) (r report, err error) {
	program, err := os.Executable()
	if err != nil {
		return r, err
	}
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0")
	cmd.WaitDelay = time.Second // for compilers that outlive it
	var stderr strings.Builder
	cmd.Stderr = &stderr
	begin := time.Now()
	out, err := cmd.Output()
	switch {
	case ctx.Err() != nil:
		return r, fmt.Errorf("it did not end within %s", most)
	case err != nil:
		return r, fmt.Errorf("it died: %w: %.2000s", err, stderr.String())
	}
	if err := json.Unmarshal(out, &r); err != nil {
		return r, fmt.Errorf("it left without a report: %w: %.2000s", err, out)
	}
	r.cpu, r.wall = cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime(), time.Since(begin)
	return r, nil
}

// table lists all cases that were tried with their figures: memory and that of the
// compiler are what a harmless module does not take.
func table(reports []report) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "\nrow\tcase\tmodule\toutcome\tCPU\twall\tmemory\tcompiler")
	for i, r := range reports {
		if r.Outcome == "" {
			continue
		}
		fmt.Fprintf(w, "%s\t%s\t%d B\t%s\t%s\t%s\t%s\t%s\n", hostiles[i].row, hostiles[i].name, r.bytes, r.Outcome,
			r.cpu.Round(time.Millisecond), r.wall.Round(time.Millisecond),
			more(r.PeakKiB, reports[0].PeakKiB), more(r.CompileKiB, reports[0].CompileKiB))
	}
	_ = w.Flush()
	return b.String()
}

// more words how much more memory something took.
func more(kib, than int64) string {
	if kib == 0 {
		return "–"
	}
	return fmt.Sprintf("%+.1f MiB", float64(kib-than)/1024)
}

func TestEveryRowThatModulesCanTryIsTried(t *testing.T) {
	t.Parallel()
	for _, row := range []string{
		"A1", "A2", "A3", "A4", "A5", "A6", "A7", "A8", "A9", "A10", "A11", "A12", "A13", // A14 to A17 are about uploads and the cache
		"B1", "B2", "B3", "B4", "B5", "B7", "B10", // B6 is a benchmark; the others are the host's and the server's
		"C1", "C2", "C3", "C4",
	} {
		if !slices.ContainsFunc(hostiles, func(h hostile) bool { return h.row == row }) {
			t.Errorf("nothing tries %s", row)
		}
	}
	seen := map[string]bool{}
	for _, h := range hostiles {
		if seen[h.id()] {
			t.Errorf("%q is there twice", h.id())
		}
		seen[h.id()] = true
	}
}
