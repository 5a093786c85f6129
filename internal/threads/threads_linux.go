package threads

import (
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// stayOnCore gives all threads the kernel's policy for batches, and so those that
// they start: a thread that wakes waits until the one on its core waits, yields, or
// had its slice. With more threads than cores it is interrupted otherwise whenever
// it wakes another, in the middle of what that one would wait for. A policy that
// somebody chose for the process is left.
func stayOnCore() {
	for changed := true; changed; { // until no thread was started meanwhile
		changed = false
		for _, id := range ids() {
			changed = toBatch(id) || changed
		}
	}
}

// ids lists the threads of the process.
func ids() (ids []int) {
	entries, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return nil
	}
	for _, e := range entries {
		if id, err := strconv.Atoi(e.Name()); err == nil {
			ids = append(ids, id)
		}
	}
	return ids
}

// toBatch reports whether it changed a thread's policy.
func toBatch(id int) bool {
	attr, err := unix.SchedGetAttr(id, 0)
	if err != nil || attr.Policy != unix.SCHED_NORMAL {
		return false
	}
	attr.Policy = unix.SCHED_BATCH
	return unix.SchedSetAttr(id, attr, 0) == nil
}
