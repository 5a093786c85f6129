package runtime

import (
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

// killed is a process that is killed, as for want of memory.
func killed() int {
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {}
}

// eats is a process that takes 256 MiB.
func eats() int {
	food := make([]byte, 256<<20)
	for i := 0; i < len(food); i += 4096 {
		food[i] = 1
	}
	return tell(report{Outcome: answered, PeakKiB: peakKiB()})
}

func TestADeathIsSeenAsADeath(t *testing.T) {
	t.Parallel()
	for child, c := range map[string]struct {
		most time.Duration
		says string
	}{
		"killed": {longest, "it died: signal: killed"},
		"panics": {longest, "I never could count"},
		"mute":   {longest, "it left without a report"},
		"hangs":  {time.Second, "it did not end within 1s"},
	} {
		t.Run(child, func(t *testing.T) {
			t.Parallel()
			if r, err := inProcess(t.Context(), c.most, child); err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %+v, %v, want %q", r, err, c.says)
			}
		})
	}
}

func TestAProcessThatTookTooMuchIsFound(t *testing.T) {
	t.Parallel()
	if peakKiB() == 0 {
		t.Skip("this system does not tell")
	}
	idle, err := inProcess(t.Context(), longest, "hostile", harmless.id())
	if err != nil {
		t.Fatal(err)
	}
	r, err := inProcess(t.Context(), longest, "eats")
	if err != nil {
		t.Fatal(err)
	}
	if wrong := harmless.judge(r, idle); len(wrong) != 1 || !strings.Contains(wrong[0], "MiB; ") {
		t.Errorf("got %q", wrong)
	}
}

func TestWhatIsWrongWithACase(t *testing.T) {
	t.Parallel()
	h := hostile{want: "too_many|truncated", says: "byte 7", lines: 3}
	good := report{Outcome: "truncated", Error: "at byte 7", Lines: 3, PeakKiB: 1 << 10, CompileKiB: 1 << 10, cpu: time.Second}
	for name, c := range map[string]struct {
		change func(*report)
		says   string
	}{
		"nothing":          {func(*report) {}, ""},
		"the outcome":      {func(r *report) { r.Outcome = answered }, "want too_many|truncated"},
		"the words":        {func(r *report) { r.Error = "at byte 8" }, `does not say "byte 7"`},
		"the log":          {func(r *report) { r.Lines = 4 }, "3 are the most"},
		"the time":         {func(r *report) { r.cpu = time.Minute }, "of CPU time"},
		"the memory":       {func(r *report) { r.PeakKiB = 1 << 20 }, "it took 1023 MiB"},
		"the compiler":     {func(r *report) { r.CompileKiB = 2 << 20 }, "compiling took 2047 MiB"},
		"no memory at all": {func(r *report) { r.PeakKiB, r.CompileKiB = 0, 0 }, ""},
	} {
		r := good
		c.change(&r)
		wrong := strings.Join(h.judge(r, report{PeakKiB: 1 << 10, CompileKiB: 1 << 10}), "; ")
		if (wrong == "") != (c.says == "") || !strings.Contains(wrong, c.says) {
			t.Errorf("%s: got %q, want %q", name, wrong, c.says)
		}
	}
}
