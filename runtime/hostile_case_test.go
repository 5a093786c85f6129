package runtime

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// hostile is a module that somebody may upload to do harm, and what must come of
// it. Zero values are replaced by the defaults given.
type hostile struct {
	row    string        // of the table of threats
	name   string        // with row, unique
	module func() []byte // made anew by each call, always the same
	want   string        // the outcome; several with | between where the machine's speed decides
	says   string        // words of the error
	soon   bool          // the context of the run ends within moments
	runs   int           // at the same time (1)
	lines  int           // the most lines in the log of a task (none)
	opts   func(*Options)

	cpu time.Duration // the most CPU time of the process and its compilers (2 s)
	mib int64         // the most memory of the process beyond what a harmless module takes (32)
}

// Outcomes. A refusal has the name of its rule.
const (
	answered = "answered"
	trapped  = "trapped"
	broke    = "broke a rule"
	late     = "time is up"
	crowded  = "no memory" // which others have: it is tried again
	failed   = "failed"    // carrel did, which is never expected
)

func (h *hostile) id() string { return h.row + " " + h.name }

// compileMiB is what each compilation may take beyond what a process has.
const compileMiB = 256

// Ceilings are wider under the race detector, which keeps a shadow of memory and
// looks at each access; the figures without it are those that count.
const (
	racedTimes  = 8
	racedMemory = 4
)

// report is what the process of a case tells of it.
type report struct {
	Outcome    string
	Error      string
	PeakKiB    int64 // resident at most, 0 where the system does not tell
	CompileKiB int64 // of the largest compiler, or of the process when it began one
	Lines      int   // in the log of a task, at most

	bytes     int // of the module
	cpu, wall time.Duration
}

// expects reports whether an outcome is one of those that must come.
func (h *hostile) expects(outcome string) bool {
	return slices.Contains(strings.Split(h.want, "|"), outcome)
}

// judge returns what is wrong with what came of a case. idle is the report of a
// harmless one.
func (h *hostile) judge(r, idle report) (wrong []string) {
	complain := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	if !h.expects(r.Outcome) {
		complain("it %s (%s), want %s", r.Outcome, r.Error, h.want)
	}
	if !strings.Contains(r.Error, h.says) {
		complain("%q does not say %q", r.Error, h.says)
	}
	if r.Lines > h.lines {
		complain("%d lines are in the log; %d are the most", r.Lines, h.lines)
	}
	cpu, mib, compile := cmp.Or(h.cpu, 2*time.Second), cmp.Or(h.mib, 32), int64(compileMiB)
	if raced {
		cpu, mib, compile = cpu*racedTimes, mib*racedMemory, compile*racedMemory
	}
	if r.cpu > cpu {
		complain("it took %s of CPU time; %s are the most", r.cpu, cpu)
	}
	if more := (r.PeakKiB - idle.PeakKiB) >> 10; more > mib {
		complain("it took %d MiB; %d are the most", more, mib)
	}
	if more := (r.CompileKiB - idle.CompileKiB) >> 10; more > compile {
		complain("compiling took %d MiB; %d are the most", more, compile)
	}
	return wrong
}
