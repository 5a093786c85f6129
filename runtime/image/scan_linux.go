//go:build amd64 || arm64

package image

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// What follows is of linux/fs.h; golang.org/x/sys does not have it.

// ioctlPagemapScan is PAGEMAP_SCAN, _IOWR('f', 16, struct pm_scan_arg).
const ioctlPagemapScan = 3<<30 | unsafe.Sizeof(scanArg{})<<16 | 'f'<<8 | 16

// Categories of pages.
const (
	pageIsFile    = 1 << 2
	pageIsPresent = 1 << 3
	pageIsSwapped = 1 << 4
	pageIsPfnZero = 1 << 5
)

// scanArg is struct pm_scan_arg. Its vec is a pointer, which the kernel sees as
// the number that it is.
type scanArg struct {
	size              uint64
	flags             uint64
	start, end        uint64
	walkEnd           uint64
	vec               *pageRegion
	vecLen            uint64
	maxPages          uint64
	categoryInverted  uint64
	categoryMask      uint64
	categoryAnyofMask uint64
	returnMask        uint64
}

// pageRegion is struct page_region.
type pageRegion struct {
	start, end uint64
	categories uint64
}

// scanner finds pages by PAGEMAP_SCAN.
type scanner struct {
	arg     scanArg
	regions [64]pageRegion
}

func (s *scanner) find(mem []byte, l *layout, found *findings) error {
	if len(mem) == 0 {
		return nil
	}
	fd, err := pagemap()
	if err != nil {
		return err
	}
	base := uint64(uintptr(unsafe.Pointer(unsafe.SliceData(mem))))
	for at := base; at < base+uint64(len(mem)); at = s.arg.walkEnd {
		regions, err := s.scan(fd, at, base+uint64(len(mem)))
		if err != nil {
			return fmt.Errorf("PAGEMAP_SCAN: %w", err)
		}
		for _, r := range regions {
			s.note(int(r.start-base), int(r.end-base), r.categories, l, found)
		}
	}
	return nil
}

// scan asks for pages that are not of the file, and are somewhere.
func (s *scanner) scan(fd int, start, end uint64) ([]pageRegion, error) {
	s.arg = scanArg{
		size: uint64(unsafe.Sizeof(s.arg)), start: start, end: end,
		vec: &s.regions[0], vecLen: uint64(len(s.regions)),
		categoryInverted: pageIsFile, categoryMask: pageIsFile,
		categoryAnyofMask: pageIsPresent | pageIsSwapped,
		returnMask:        pageIsPfnZero,
	}
	n, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), ioctlPagemapScan, uintptr(unsafe.Pointer(&s.arg)))
	if errno != 0 {
		return nil, errno
	}
	if n > uintptr(len(s.regions)) || s.arg.walkEnd <= start || s.arg.walkEnd > end {
		return nil, errCannotFind
	}
	return s.regions[:n], nil
}

// note adds a region to what was found. The zero page stands for untouched memory
// that was read, and is as good as new where the image has zeros. Where it has
// not, the kernel has put it in place of a page that was overwritten with zeros.
func (s *scanner) note(start, end int, categories uint64, l *layout, found *findings) {
	if categories&pageIsPfnZero == 0 {
		found.add(start, end)
		return
	}
	for at := start; at < end; at += pageSize {
		if l.holds(at) {
			found.add(at, at+pageSize)
		}
	}
}
