package badgerdb

import (
	"bufio"
	"bytes"
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

// mapping is a memory map of a file of the store.
type mapping struct {
	start, end uintptr
	resident   int64
}

// trim gives the memory of dir's files with the extension back when more than
// budget of it is resident, until half of that is. Badger writes and reads its
// files through memory maps that it keeps, so without this all that was merged
// lately, or a gigabyte of blobs, stays in the process until the kernel is short.
func trim(dir, extension string, budget int64) error {
	if most, err := residentFiles(); err != nil || most <= budget {
		return err
	}
	maps, err := mapsOf(dir, extension)
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
		if resident > budget/2 && m.resident > 0 {
			// Kernels before 5.4 refuse; then the memory stays until the kernel wants it.
			_, _, _ = syscall.Syscall(syscall.SYS_MADVISE, m.start, m.end-m.start, madvPageout)
			resident -= m.resident
		}
	}
	return nil
}

// residentFiles is how many bytes of files are resident in this process. It is
// found much sooner than what they are.
func residentFiles() (bytesOfFiles int64, err error) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, err
	}
	_, line, _ := bytes.Cut(status, []byte("\nRssFile:"))
	_, err = fmt.Sscanf(string(line[:min(len(line), 32)]), "%d kB", &bytesOfFiles)
	return bytesOfFiles << 10, err
}

// mapsOf reads the maps of dir's files with the extension from the kernel.
func mapsOf(dir, extension string) (maps []mapping, err error) {
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
		if i := strings.IndexByte(line, '/'); i >= 0 && filepath.Dir(line[i:]) == dir && strings.HasSuffix(line, extension) {
			var m mapping
			if _, err := fmt.Sscanf(line, "%x-%x", &m.start, &m.end); err == nil {
				maps, ours = append(maps, m), true
			}
		}
	}
	return maps, lines.Err()
}
