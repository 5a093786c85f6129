//go:build amd64 || arm64

package image

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// mappedWays runs a test for each way of finding pages that this kernel has, with
// a memory of it that maps img.
func mappedWays(t *testing.T, img *Image, test func(t *testing.T, m *Memory, s *mapped)) {
	t.Helper()
	for w, name := range wayNames {
		t.Run(name, func(t *testing.T) {
			if w != byNothing {
				if err := try(w); err != nil {
					t.Skipf("NOT RUN: this kernel cannot do it: %v", err)
				}
			}
			m := open(t, img.Size(), nil, func(max int) (space, error) { return newMapped(max, w) }, img)
			test(t, m, m.space.(*mapped))
		})
	}
}

func TestResetFindsPagesInHugePages(t *testing.T) {
	t.Parallel()
	want := slicesOf(2<<20, 0, 0, 7, 7)
	mappedWays(t, newImage(t, want), func(t *testing.T, m *Memory, s *mapped) {
		mem := m.Reallocate(uint64(len(want)))
		for range 3 {
			if err := unix.Madvise(mem, unix.MADV_HUGEPAGE); err != nil {
				t.Skipf("NOT RUN: no huge pages: %v", err)
			}
			for at := 0; at < len(mem); at += len(mem) / 8 {
				mem[at] = 0xaa
			}
			reset(t, m)
			wantContent(t, m, want)
		}
	})
}

func TestMemoriesHaveNoHugePages(t *testing.T) {
	t.Parallel()
	c := content(25, 64)
	m := open(t, 2*len(c), nil, newSpace, nil)
	wantNoHugePages(t, m)
	if err := m.Map(newImage(t, c)); err != nil {
		t.Fatal(err)
	}
	wantNoHugePages(t, m)
}

func wantNoHugePages(t *testing.T, m *Memory) {
	t.Helper()
	smaps, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		t.Skipf("NOT RUN: %v", err)
	}
	base := m.space.(*mapped).base
	for at, end := uintptr(base), uintptr(base)+uintptr(m.max); at < end; {
		_, entry, ok := bytes.Cut(smaps, fmt.Appendf(nil, "\n%x-", at))
		if !ok {
			t.Fatalf("no mapping begins at %x", at)
		}
		_, flags, ok := bytes.Cut(entry, []byte("VmFlags:"))
		flags, _, _ = bytes.Cut(flags, []byte("\n"))
		if ok && !bytes.Contains(flags, []byte(" nh")) {
			t.Errorf("mapping at %x has the flags%s, want nh", at, flags)
		}
		if _, err := fmt.Sscanf(string(entry[:32]), "%x", &at); err != nil {
			t.Fatal(err)
		}
	}
}

// slicesOf returns chunks of size bytes, each filled with one value.
func slicesOf(size int, values ...byte) []byte {
	var all []byte
	for _, v := range values {
		all = append(all, bytes.Repeat([]byte{v}, size)...)
	}
	return all
}

func TestResetFindsPagesThatWereSwapped(t *testing.T) {
	want := content(20, 16)
	mappedWays(t, newImage(t, want), func(t *testing.T, m *Memory, s *mapped) {
		fill(m, 0xaa)
		mem := m.Reallocate(uint64(len(want)))
		if err := unix.Madvise(mem, unix.MADV_PAGEOUT); err != nil {
			t.Skipf("NOT RUN: MADV_PAGEOUT: %v", err)
		}
		if !anySwapped(t, mem) {
			t.Skip("NOT RUN: the kernel swaps nothing here")
		}
		reset(t, m)
		wantContent(t, m, want)
	})
}

func anySwapped(t *testing.T, mem []byte) bool {
	t.Helper()
	fd, err := pagemap()
	if err != nil {
		t.Skipf("NOT RUN: %v", err)
	}
	var p pagemapReader
	base := uintptr(unsafe.Pointer(unsafe.SliceData(mem))) / uintptr(pageSize)
	n, err := p.read(fd, base, min(len(mem)/pageSize, len(p.entries)))
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range p.entries[:n] {
		if entry&entrySwapped != 0 {
			return true
		}
	}
	return false
}

func TestPagemapEntries(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		entry uint64
		want  bool
	}{
		{"not there", 0, false},
		{"never written, with other flags", 1<<55 | 1<<57, false},
		{"of the file", entryPresent | entryFile, false},
		{"of the file, on its way to another place", entrySwapped | entryFile, false},
		{"private", entryPresent, true},
		{"private, with a frame number", entryPresent | 1<<55 | 12345, true},
		{"private and swapped", entrySwapped | 12345, true},
	}
	for _, test := range tests {
		if got := isPrivate(test.entry); got != test.want {
			t.Errorf("%s: got %v, want %v", test.name, got, test.want)
		}
	}
}

func TestScanNotesZeroPagesWhereTheImageHasContent(t *testing.T) {
	t.Parallel()
	c := make([]byte, 4*pageSize*wasmPage/pageSize)
	c[pageSize] = 1
	l := newLayout(c)
	var s scanner
	var found findings
	s.note(0, 4*pageSize, pageIsPresent|pageIsPfnZero, &l, &found)
	s.note(5*pageSize, 6*pageSize, pageIsSwapped, &l, &found)
	if got, want := fmt.Sprint(found.parts), fmt.Sprint([]extent{{pageSize, 2 * pageSize}, {5 * pageSize, 6 * pageSize}}); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestReadingTakesNoMemory(t *testing.T) {
	t.Parallel()
	mappedWays(t, newImage(t, content(21, 64)), func(t *testing.T, m *Memory, s *mapped) {
		for range 3 {
			bytes.IndexByte(m.Reallocate(uint64(m.Size())), 0xff)
			reset(t, m)
		}
		var found findings
		if err := (&scanner{}).find(s.slice(0, m.Size()), &m.image.layout, &found); err != nil {
			t.Skipf("NOT RUN: %v", err)
		}
		if found.pages != 0 {
			t.Errorf("%d pages are the memory's own", found.pages)
		}
	})
}

func TestImagesAreSealed(t *testing.T) {
	t.Parallel()
	img := newImage(t, content(22, 4))
	if _, err := unix.Pwrite(img.store.fd, []byte{1}, 0); !errors.Is(err, unix.EPERM) {
		t.Errorf("write: got %v, want EPERM", err)
	}
	if err := unix.Ftruncate(img.store.fd, 0); !errors.Is(err, unix.EPERM) {
		t.Errorf("truncate: got %v, want EPERM", err)
	}
	if _, err := unix.MmapPtr(img.store.fd, 0, nil, wasmPage, unix.PROT_WRITE, unix.MAP_SHARED); err == nil {
		t.Error("the image can be mapped for writing")
	}
}

func TestImagesTakeWhatTheySay(t *testing.T) {
	t.Parallel()
	c := make([]byte, 64*wasmPage)
	c[0], c[40*wasmPage] = 1, 1
	img := newImage(t, c)
	m := open(t, len(c), nil, newSpace, img)
	fill(m, 0xaa)
	reset(t, m)
	var stat unix.Stat_t
	if err := unix.Fstat(img.store.fd, &stat); err != nil {
		t.Fatal(err)
	}
	if took := int(stat.Blocks) * 512; took > img.Stored() {
		t.Errorf("image takes %d bytes after all was written, said %d", took, img.Stored())
	}
}

// TestNothingLeaks is not parallel: it counts what the process has.
func TestNothingLeaks(t *testing.T) {
	want := content(23, 16)
	img := newImage(t, want)
	cycle := func() {
		img := newImage(t, want)
		for range 4 {
			m := open(t, 2*len(want), nil, newSpace, img)
			fill(m, 0xaa)
			reset(t, m)
			m.Reallocate(uint64(2 * len(want)))
			if err := m.Map(img); err != nil {
				t.Fatal(err)
			}
			m.Free()
		}
		img.Release()
	}
	cycle() // opens /proc/self/pagemap
	descriptors, counted := countDescriptors(t), mappings.Load()
	for range 200 {
		cycle()
	}
	if got := countDescriptors(t); got > descriptors {
		t.Errorf("%d descriptors after, %d before", got, descriptors)
	}
	if got := mappings.Load(); got != counted {
		t.Errorf("%d mappings are counted after, %d before", got, counted)
	}
	if got := countMappings(t, storeName); got != 1 {
		t.Errorf("%d mappings of images, want that of the one that is left", got)
	}
	_ = img
}

// TestMappingsRunOut is not parallel: it takes those of others.
func TestMappingsRunOut(t *testing.T) {
	want := content(24, 4)
	img, m := newImage(t, want), open(t, len(want), nil, newSpace, nil)
	before := mappings.Load()
	taken := maxMappings() - before
	mappings.Add(taken)
	if _, err := NewMemory(wasmPage, nil); !errors.Is(err, ErrNoMemory) {
		t.Errorf("memory: got %v, want ErrNoMemory", err)
	}
	if _, err := New(want, nil); !errors.Is(err, ErrNoMemory) {
		t.Errorf("image: got %v, want ErrNoMemory", err)
	}
	if err := m.Map(img); !errors.Is(err, ErrNoMemory) {
		t.Errorf("map: got %v, want ErrNoMemory", err)
	}
	if m.Reallocate(0) != nil {
		t.Error("a memory whose Map failed is handed out")
	}
	mappings.Add(-taken)
	if got := mappings.Load(); got != before-2 {
		t.Errorf("%d mappings are counted after, want %d less the 2 of the memory", got, before)
	}
	if got := img.users.Load(); got != 1 {
		t.Errorf("image has %d users, want its owner", got)
	}
}

// TestAddressSpaceRunsOut limits that of a process of its own.
func TestAddressSpaceRunsOut(t *testing.T) {
	if os.Getenv("CARREL_IMAGE_CHILD") == "" {
		t.Parallel()
		child := exec.Command(os.Args[0], "-test.run=^TestAddressSpaceRunsOut$", "-test.v")
		child.Env = append(os.Environ(), "CARREL_IMAGE_CHILD=1")
		if out, err := child.CombinedOutput(); err != nil || !bytes.Contains(out, []byte("--- PASS")) {
			t.Errorf("%v: %s", err, out)
		}
		return
	}
	large := make([]byte, 256<<20)
	limit := addressSpace(t) + 64<<20
	if err := unix.Setrlimit(unix.RLIMIT_AS, &unix.Rlimit{Cur: limit, Max: limit}); err != nil {
		t.Skipf("NOT RUN: %v", err)
	}
	if _, err := NewMemory(len(large), nil); !errors.Is(err, ErrNoMemory) {
		t.Errorf("memory: got %v, want ErrNoMemory", err)
	}
	if _, err := New(large, nil); !errors.Is(err, ErrNoMemory) {
		t.Errorf("image: got %v, want ErrNoMemory", err)
	}
	if got := mappings.Load(); got != 0 {
		t.Errorf("%d mappings are counted, want 0", got)
	}
}

// addressSpace returns how many bytes of addresses the process has in use.
func addressSpace(t *testing.T) uint64 {
	t.Helper()
	var pages uint64
	text, err := os.ReadFile("/proc/self/statm")
	if err == nil {
		_, err = fmt.Sscan(string(text), &pages)
	}
	if err != nil {
		t.Skipf("NOT RUN: %v", err)
	}
	return pages * uint64(pageSize)
}

func countDescriptors(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skipf("NOT RUN: %v", err)
	}
	return len(entries)
}

// countMappings counts the lines of /proc/self/maps that contain a word.
func countMappings(t *testing.T, word string) int {
	t.Helper()
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		t.Skipf("NOT RUN: %v", err)
	}
	n := 0
	for line := range strings.Lines(string(maps)) {
		if strings.Contains(line, word) {
			n++
		}
	}
	return n
}
