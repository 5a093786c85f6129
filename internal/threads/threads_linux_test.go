package threads

import (
	"bytes"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// TestEveryThreadStaysOnItsCore looks at the threads that the process has, and at
// some that it starts.
func TestEveryThreadStaysOnItsCore(t *testing.T) {
	before := runtime.GOMAXPROCS(0)
	t.Setenv("GOMAXPROCS", "")
	defer runtime.GOMAXPROCS(before)
	Prepare()
	if got := runtime.GOMAXPROCS(0); got != 2*before {
		t.Errorf("GOMAXPROCS is %d, was %d", got, before)
	}
	checkPolicies(t, unix.SCHED_BATCH)
	startThreads(t)
	checkPolicies(t, unix.SCHED_BATCH)
}

// TestAChosenPolicyIsLeft has one thread that somebody wants to run when nothing
// else does, in a process of its own: such a thread may not go back.
func TestAChosenPolicyIsLeft(t *testing.T) {
	const alone = "CARREL_TEST_CHOSEN_POLICY"
	if os.Getenv(alone) == "" {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestAChosenPolicyIsLeft$", "-test.v")
		cmd.Env = append(os.Environ(), alone+"=1")
		if out, err := cmd.CombinedOutput(); err != nil || !bytes.Contains(out, []byte("--- PASS: TestAChosenPolicyIsLeft")) {
			t.Errorf("%v: %s", err, out)
		}
		return
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := unix.SchedSetAttr(0, &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_IDLE}, 0); err != nil {
		t.Fatal(err)
	}
	stayOnCore()
	attr, err := unix.SchedGetAttr(0, 0)
	if err != nil || attr.Policy != unix.SCHED_IDLE {
		t.Errorf("policy %d, %v; want that of before, %d", attr.Policy, err, unix.SCHED_IDLE)
	}
}

// TestTheEnvironmentDecides on GOMAXPROCS.
func TestTheEnvironmentDecides(t *testing.T) {
	before := runtime.GOMAXPROCS(0)
	t.Setenv("GOMAXPROCS", "3")
	Prepare()
	if got := runtime.GOMAXPROCS(0); got != before {
		t.Errorf("GOMAXPROCS is %d, was %d", got, before)
	}
}

// startThreads makes some goroutines hold a thread each, all at the same time.
func startThreads(t *testing.T) {
	var started, done sync.WaitGroup
	release := make(chan struct{})
	for range 8 {
		started.Add(1)
		done.Go(func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			started.Done()
			<-release
		})
	}
	started.Wait()
	t.Cleanup(done.Wait)
	t.Cleanup(func() { close(release) })
}

func checkPolicies(t *testing.T, want uint32) {
	t.Helper()
	all := ids()
	if len(all) == 0 {
		t.Fatal("no threads found")
	}
	for _, id := range all {
		attr, err := unix.SchedGetAttr(id, 0)
		if err != nil {
			continue // it has ended
		}
		if attr.Policy != want {
			t.Errorf("thread %d has policy %d, want %d", id, attr.Policy, want)
		}
	}
}
