package badgerdb

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// madvPageout is MADV_PAGEOUT, which package syscall does not name. It gives
// resident pages back and never loses what is in them, so it does no harm when
// the engine unmaps the range meanwhile and something else takes its place.
const madvPageout = 21

// mapping is a memory map of a value log file.
type mapping struct {
	start, end uintptr
	resident   int64
}

// trim gives the memory of value log files back when more than budget of it is
// resident. Badger writes and reads them through memory maps that it keeps, so
// without this a gigabyte of blobs stays in the process until the kernel is short.
func trim(dir string, budget int64) error {
	maps, err := valueLogMaps(dir)
	if err != nil {
		return err
	}
	var resident int64
	for _, m := range maps {
		resident += m.resident
	}
	if resident <= budget {
		return nil
	}
	for _, m := range maps {
		if m.resident > 0 {
			// Kernels before 5.4 refuse; then the memory stays until the kernel wants it.
			_, _, _ = syscall.Syscall(syscall.SYS_MADVISE, m.start, m.end-m.start, madvPageout)
		}
	}
	return nil
}

// valueLogMaps reads the maps of dir's value log files from the kernel.
func valueLogMaps(dir string) (maps []mapping, err error) {
	dir, err = filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	f, err := os.Open("/proc/self/smaps")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	ours := false
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		line := lines.Text()
		if rest, ok := strings.CutPrefix(line, "Rss:"); ok && ours {
			_, _ = fmt.Sscanf(rest, "%d kB", &maps[len(maps)-1].resident)
			maps[len(maps)-1].resident <<= 10
			ours = false
		}
		if i := strings.IndexByte(line, '/'); i >= 0 && filepath.Dir(line[i:]) == dir && strings.HasSuffix(line, ".vlog") {
			var m mapping
			if _, err := fmt.Sscanf(line, "%x-%x", &m.start, &m.end); err == nil {
				maps, ours = append(maps, m), true
			}
		}
	}
	return maps, lines.Err()
}
