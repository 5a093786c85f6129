package compile

import (
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// attributes make a process group of its own for the child, that ends with us.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// addressSpace is the size of this process's address space: a Go program has
// reserved more than a gigabyte before it does anything.
func addressSpace() (uint64, error) {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0, err
	}
	var pages uint64
	if _, err := fmt.Sscan(string(text), &pages); err != nil {
		return 0, err
	}
	return pages * uint64(os.Getpagesize()), nil
}

func limitMemory(bytes int64) error {
	now, err := addressSpace()
	if err != nil {
		return err
	}
	return setLimit(unix.RLIMIT_AS, now+uint64(bytes))
}
