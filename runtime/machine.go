package runtime

import (
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// machineMemory is how much memory this process may have: that of the machine, or
// less where the system's control groups say so; 0 where that cannot be found out.
func machineMemory() int64 {
	return min(physicalMemory(), groupMemory("/proc/self/cgroup", "/sys/fs/cgroup"))
}

// groupMemory is the least limit of the process's control group and of those that
// it lies in, by its membership file and the mount of the hierarchy.
func groupMemory(membership, mount string) int64 {
	least := int64(math.MaxInt64)
	text, _ := os.ReadFile(membership) // not everywhere there is one
	for line := range strings.Lines(string(text)) {
		_, rest, _ := strings.Cut(strings.TrimSpace(line), ":")
		controllers, group, ok := strings.Cut(rest, ":")
		switch {
		case !ok:
		case controllers == "": // version 2
			least = min(least, limitAbove(mount, group, "memory.max"))
		case strings.Contains(","+controllers+",", ",memory,"):
			least = min(least, limitAbove(filepath.Join(mount, "memory"), group, "memory.limit_in_bytes"))
		}
	}
	return least
}

// limitAbove is the least number in the file of a group and of all above it. In a
// container the group may be named as the machine sees it, where the mount shows
// no more than the container's own: that is the last one looked at.
func limitAbove(mount, group, file string) int64 {
	least := int64(math.MaxInt64)
	for dir := filepath.Clean("/" + group); ; dir = filepath.Dir(dir) {
		text, _ := os.ReadFile(filepath.Join(mount, dir, file))
		if n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64); err == nil && n > 0 {
			least = min(least, n)
		}
		if dir == "/" {
			return least
		}
	}
}
