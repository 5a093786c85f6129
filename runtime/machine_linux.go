package runtime

import "golang.org/x/sys/unix"

// physicalMemory is what the machine has, 0 when it does not tell.
func physicalMemory() int64 {
	var info unix.Sysinfo_t
	if unix.Sysinfo(&info) != nil {
		return 0
	}
	return int64(info.Totalram) * int64(info.Unit)
}
