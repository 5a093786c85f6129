package main

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// footprint is what a process holds of the system. A store holds a descriptor and a
// map for each of its tables, which are as many as its data needs: they are counted
// by themselves.
type footprint struct {
	RSS         int64 // bytes
	Files       int64 // bytes of RSS that are of files, which the kernel can take back
	Descriptors int64
	Maps        int64 // lines of /proc/PID/maps
	Tables      int64
}

func footprintOf(pid int) (f footprint, err error) {
	proc := fmt.Sprintf("/proc/%d/", pid)
	status, err := os.ReadFile(proc + "status")
	if err != nil {
		return f, err
	}
	if f.RSS, err = kilobytes(status, "VmRSS:"); err != nil {
		return f, err
	}
	if f.Files, err = kilobytes(status, "RssFile:"); err != nil {
		return f, err
	}
	open, err := os.ReadDir(proc + "fd")
	if err != nil {
		return f, err
	}
	for _, fd := range open {
		if file, err := os.Readlink(proc + "fd/" + fd.Name()); err == nil && !isTable(file) {
			f.Descriptors++
		}
	}
	maps, err := os.ReadFile(proc + "maps")
	for line := range strings.Lines(string(maps)) {
		if isTable(strings.TrimSpace(line)) {
			f.Tables++
		} else {
			f.Maps++
		}
	}
	return f, err
}

// least has the least of both, of each kind.
func (f footprint) least(g footprint) footprint {
	return footprint{
		RSS: min(f.RSS, g.RSS), Files: min(f.Files, g.Files),
		Descriptors: min(f.Descriptors, g.Descriptors), Maps: min(f.Maps, g.Maps), Tables: min(f.Tables, g.Tables),
	}
}

// isTable reports whether a file is a table of the store, there or deleted.
func isTable(file string) bool {
	return strings.HasSuffix(strings.TrimSuffix(file, " (deleted)"), ".sst")
}

// proportional is the memory of a process with what it shares counted in part, in bytes.
func proportional(pid int) (int64, error) {
	rollup, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return 0, err
	}
	return kilobytes(rollup, "Pss:")
}

// kilobytes finds a line like "VmRSS:  1234 kB" and returns its bytes.
func kilobytes(text []byte, key string) (int64, error) {
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if len(fields) == 3 && fields[0] == key {
			n, err := strconv.ParseInt(fields[1], 10, 64)
			return n << 10, err
		}
	}
	return 0, fmt.Errorf("there is no %s", key)
}

// largestMapping is the size in bytes of the largest mapping of a file whose name has part in it.
func largestMapping(maps []byte, part string) (largest int64) {
	lines := bufio.NewScanner(bytes.NewReader(maps))
	for lines.Scan() {
		if !strings.Contains(lines.Text(), part) {
			continue
		}
		from, to, _ := strings.Cut(strings.Fields(lines.Text())[0], "-")
		begin, err1 := strconv.ParseInt(from, 16, 64)
		end, err2 := strconv.ParseInt(to, 16, 64)
		if err1 == nil && err2 == nil {
			largest = max(largest, end-begin)
		}
	}
	return largest
}

func mebibytes(n int64) string { return fmt.Sprintf("%.2f MiB", float64(n)/(1<<20)) }
