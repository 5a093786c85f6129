package runtime

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/carrelhq/carrel/abi"
	"github.com/carrelhq/carrel/host"
)

// hostileChild is the process of one case: it uploads the module, runs it if it is
// taken, and writes a report.
func hostileChild() int {
	i := slices.IndexFunc(hostiles, func(h hostile) bool { return h.id() == os.Args[2] })
	if i < 0 {
		fmt.Fprintln(os.Stderr, "there is no such case")
		return 1
	}
	r := hostiles[i].try()
	r.PeakKiB, r.CompileKiB = peakKiB(), compileKiB()
	return tell(r)
}

// tell writes a report to standard output and returns the exit code.
func tell(r report) int {
	if err := json.NewEncoder(os.Stdout).Encode(r); err != nil {
		return 1
	}
	return 0
}

// try does with the module what a server does.
func (h *hostile) try() (r report) {
	program, err := os.Executable()
	if err != nil {
		return report{Outcome: failed, Error: err.Error()}
	}
	opts := Options{
		CompileCommand: []string{program, "compile-child"}, CompileMemoryBytes: compileMiB << 20,
		InspectTimeout: longest / 2,
	}
	if raced { // or each compiler waits a second before it exits
		opts.CompileCommand = append([]string{"env", "GORACE=atexit_sleep_ms=0"}, opts.CompileCommand...)
	}
	if h.opts != nil {
		h.opts(&opts)
	}
	e, err := NewEngine(opts)
	if err != nil {
		return report{Outcome: failed, Error: err.Error()}
	}
	module := h.module()
	forgetPeak()
	if _, err = e.Inspect(context.Background(), "tenant", module); err == nil {
		r = h.runAll(e, module)
	} else {
		r.sort(err)
	}
	if err := e.Close(); err != nil {
		return report{Outcome: failed, Error: err.Error()}
	}
	return r
}

// runAll runs a module as often as the case says, all at once, and reports the
// first that ended as it should not, or any.
func (h *hostile) runAll(e *Engine, module []byte) (r report) {
	sum := sha256.Sum256(module)
	m, err := e.Load(context.Background(), "tenant", hex.EncodeToString(sum[:]), sourceOf(module))
	if err != nil {
		r.sort(err)
		return r
	}
	defer m.Release()
	reports := make([]report, max(h.runs, 1))
	var wg sync.WaitGroup
	for i := range reports {
		wg.Go(func() { reports[i] = h.runOne(m) })
	}
	wg.Wait()
	for _, r := range reports {
		if !h.expects(r.Outcome) {
			return r
		}
	}
	return reports[0]
}

// runOne runs a module in a sandbox of its own.
func (h *hostile) runOne(m *Module) (r report) {
	ctx := context.Background()
	if h.soon {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, 100*time.Millisecond, errSoon)
		defer cancel()
	}
	s, err := m.Sandbox(ctx, "tenant")
	if err != nil {
		r.sort(err)
		return r
	}
	defer s.Release()
	tasks := &fakeTasks{}
	session := host.NewSession(ctx, tasks, host.Options{Tenant: "hostile"})
	_, err = s.Run(ctx, []byte("{}"), session)
	if ended := session.End(); err == nil {
		err = ended
	}
	r.sort(err)
	r.Lines = len(tasks.lines)
	for _, l := range tasks.lines {
		if clean := strings.ToValidUTF8(l, "") == l; !clean || len(l) > maxOutputLine+len("error ") {
			r.Outcome, r.Error = failed, fmt.Sprintf("the log has a line of %d bytes, valid UTF-8: %t", len(l), clean)
		}
	}
	return r
}

// sort sorts an error as its receiver would.
func (r *report) sort(err error) {
	var refusal *abi.Refusal
	switch {
	case err == nil:
		r.Outcome = answered
		return
	case errors.As(err, &refusal) && refusal.Rule != "" && refusal.Advice != "":
		r.Outcome = refusal.Rule
	case errors.Is(err, ErrTrap):
		r.Outcome = trapped
	case errors.Is(err, host.ErrGuest):
		r.Outcome = broke
	case errors.Is(err, errSoon):
		r.Outcome = late
	case errors.Is(err, errNoMemory):
		r.Outcome = crowded
	default:
		r.Outcome = failed
	}
	r.Error = err.Error()
}

// peakKiB is the most memory that this process had. What getrusage says will not
// do: a process begins with what the one had that started it.
func peakKiB() (n int64) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	_, after, _ := strings.Cut(string(status), "VmHWM:")
	_, _ = fmt.Sscan(after, &n)
	return n
}

func compileKiB() int64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_CHILDREN, &usage); err != nil || peakKiB() == 0 {
		return 0
	}
	return int64(usage.Maxrss)
}

// forgetPeak makes peakKiB begin anew, where the system can: what it took to make
// a module is not the module's.
func forgetPeak() {
	debug.FreeOSMemory()
	_ = os.WriteFile("/proc/self/clear_refs", []byte("5"), 0)
}
