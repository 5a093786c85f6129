//go:build !linux

package runtime

import "golang.org/x/sys/unix"

// physicalMemory is what the machine has, 0 when it does not tell.
func physicalMemory() int64 {
	n, err := unix.SysctlUint64("hw.memsize")
	if err != nil {
		return 0
	}
	return int64(n)
}
