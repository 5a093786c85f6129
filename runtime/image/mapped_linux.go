//go:build amd64 || arm64

package image

import (
	"errors"
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// newSpace returns the memory of a Memory.
func newSpace(max int) (space, error) { return newMapped(max, bestWay()) }

// mapped is a range of addresses, reserved as a whole, that maps images
// copy-on-write. What an image has no pages for, and all that comes after it, is
// anonymous memory.
type mapped struct {
	base   unsafe.Pointer
	max    int // bytes, without the guard
	finder finder
	found  findings
}

// newMapped reserves max bytes and a page after them that cannot be used. That
// page keeps the kernel from joining neighbouring reservations to one mapping: to
// take a piece out of it again takes one mapping more, which a process at its
// limit cannot have.
func newMapped(max int, way way) (space, error) {
	length := uintptr(max + pageSize)
	base, err := unix.MmapPtr(-1, 0, nil, length, unix.PROT_NONE, unix.MAP_PRIVATE|unix.MAP_ANON|unix.MAP_NORESERVE)
	if err != nil {
		return nil, fmt.Errorf("reserve: %w", noMemory(err))
	}
	s := &mapped{base: base, max: max, finder: newFinder(way)}
	if err := s.blank(); err != nil {
		s.free()
		return nil, err
	}
	return s, nil
}

// slice returns a range of the memory. Its addresses are of no interest to the
// garbage collector.
func (s *mapped) slice(start, end int) []byte {
	return unsafe.Slice((*byte)(unsafe.Add(s.base, start)), end-start)
}

func (s *mapped) resize(size int) []byte { return s.slice(0, size) }

// blank replaces everything by untouched zeros.
func (s *mapped) blank() error {
	if s.max == 0 {
		return nil
	}
	if err := s.mmap(-1, extent{0, s.max}, unix.MAP_ANON|unix.MAP_NORESERVE); err != nil {
		return err
	}
	return s.noHuge()
}

// mmap replaces a part of the memory by pages of the file, or of none. If it
// fails, the part is as it was.
func (s *mapped) mmap(fd int, part extent, flags int) error {
	_, err := unix.MmapPtr(fd, int64(part.start), unsafe.Add(s.base, part.start), uintptr(part.end-part.start),
		unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_FIXED|flags)
	if err != nil {
		return fmt.Errorf("mmap: %w", noMemory(err))
	}
	return nil
}

// noHuge keeps the kernel from using huge pages, with which one byte that is
// written dirties 2 MiB. A kernel that has none answers EINVAL.
func (s *mapped) noHuge() error {
	err := unix.Madvise(s.slice(0, s.max), unix.MADV_NOHUGEPAGE)
	if err != nil && !errors.Is(err, unix.EINVAL) {
		return fmt.Errorf("madvise: %w", noMemory(err))
	}
	return nil
}

func (s *mapped) load(img *Image) error {
	if err := s.blank(); err != nil || len(img.layout.extents) == 0 {
		return err
	}
	for _, e := range img.layout.extents {
		if err := s.mmap(img.store.fd, e, unix.MAP_NORESERVE); err != nil {
			return err
		}
	}
	return s.noHuge()
}

// keepPages returns how many pages a memory may have for itself between runs: a
// sixteenth, so that a sandbox at rest is small, but at least 32 and at most 256.
// To copy a page takes 0.1 µs and to fault it in again 0.7, so that a run finds
// it quicker when it was copied; what limits their number is the memory they take.
func keepPages(size int) int {
	return min(max(size/pageSize/16, 32), 256)
}

// restore copies the pages if few were written. If many were, it gives back all of
// them, so that pages which only one run has written do not stay for ever; so it
// does when it cannot tell which they are.
func (s *mapped) restore(img *Image) (pages, private int, err error) {
	s.found.begin(keepPages(img.size))
	if err := s.finder.find(s.slice(0, img.size), &img.layout, &s.found); err != nil {
		return img.size / pageSize, 0, s.drop(img)
	}
	if s.found.pages > s.found.keep {
		return s.found.pages, 0, s.discard(s.found.all)
	}
	for _, part := range s.found.parts {
		img.restore(s.slice(0, img.size), part.start, part.end)
	}
	return s.found.pages, s.found.pages * pageSize, nil
}

func (s *mapped) drop(img *Image) error { return s.discard(extent{0, img.size}) }

// discard gives back all pages in a range: reading them finds the image or zeros.
func (s *mapped) discard(part extent) error {
	if part.start == part.end {
		return nil
	}
	if err := unix.Madvise(s.slice(part.start, part.end), unix.MADV_DONTNEED); err != nil {
		return fmt.Errorf("madvise: %w", err)
	}
	return nil
}

func (s *mapped) floor(*Image) int { return 0 }

func (s *mapped) free() { _ = unix.MunmapPtr(s.base, uintptr(s.max+pageSize)) }
