//go:build amd64 || arm64

package image

import (
	goruntime "runtime"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"
)

// watch tells whether a memory may have become owner of more pages since it was
// last restored. That takes a page fault of the thread that writes, and a thread's
// faults are counted: to read the count twice is cheaper than to look for pages.
type watch struct {
	before int64 // faults of the thread when it began
	seen   bool  // there was a watch since the last restore
	quiet  bool  // and no fault in any
}

func (w *watch) begin() { w.before = threadFaults() }

func (w *watch) end() {
	w.quiet = (w.quiet || !w.seen) && w.before == threadFaults()
	w.seen = true
}

// nothingNew reports whether all pages are as they were, and begins anew.
func (w *watch) nothingNew() bool {
	nothing := w.seen && w.quiet && faultsCount()
	w.seen = false
	return nothing
}

// threadFaults is how many page faults the calling thread has had.
func threadFaults() int64 {
	var usage unix.Rusage
	if _, _, errno := unix.RawSyscall(unix.SYS_GETRUSAGE, unix.RUSAGE_THREAD, uintptr(unsafe.Pointer(&usage)), 0); errno != 0 {
		return -1
	}
	return usage.Minflt + usage.Majflt
}

// faultsCount reports whether this system counts the faults by which pages become
// a memory's own: of pages never touched and of pages that were read, of a file
// and of none.
var faultsCount = sync.OnceValue(func() bool {
	goruntime.LockOSThread()
	defer goruntime.UnlockOSThread()
	return tryMemory(byNothing, func(space *mapped, img *Image) error {
		mem := space.resize(img.size)
		if mem[0] != 1 || mem[2*wasmPage] != 0 {
			return errCannotFind
		}
		for _, at := range []int{0, wasmPage, 2 * wasmPage, 3 * wasmPage} {
			before := threadFaults()
			mem[at]++
			if after := threadFaults(); before < 0 || after <= before {
				return errCannotFind
			}
		}
		return nil
	}) == nil
})
