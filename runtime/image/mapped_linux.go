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
	watch  watch
	found  findings // what the memory had of its own after the last restore
	known  bool     // found has all of it
	resets int
	taken  int // mappings
}

// newMapped reserves max bytes and a page after them that cannot be used. That
// page keeps the kernel from joining neighbouring reservations to one mapping: to
// take a piece out of it again takes one mapping more, which a process at its
// limit cannot have.
func newMapped(max int, way way) (space, error) {
	s := &mapped{max: max, finder: newFinder(way)}
	if err := s.reserve(); err != nil {
		s.free()
		return nil, err
	}
	return s, nil
}

func (s *mapped) reserve() error {
	if err := s.count(0); err != nil {
		return err
	}
	base, err := unix.MmapPtr(-1, 0, nil, uintptr(s.max+pageSize), unix.PROT_NONE, unix.MAP_PRIVATE|unix.MAP_ANON|unix.MAP_NORESERVE)
	if err != nil {
		return fmt.Errorf("reserve: %w", noMemory(err))
	}
	s.base = base
	return s.blank()
}

// count takes the mappings that are needed with so many extents: these, what is
// before, between and after them, and the guard.
func (s *mapped) count(extents int) error {
	needed := 2*extents + 2
	if err := takeMappings(needed - s.taken); err != nil {
		return err
	}
	s.taken = needed
	return nil
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
	s.known = false
	if err := s.count(len(img.layout.extents)); err != nil {
		return err
	}
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

// restore copies the pages that were written and keeps them, or gives them back
// when there are many; so it does when it cannot tell which they are.
func (s *mapped) restore(img *Image) (pages, private int, err error) {
	if err := s.find(img); err != nil {
		return img.size / pageSize, 0, s.drop(img)
	}
	pages = s.found.pages
	if s.resets++; s.resets%freshEvery == 0 {
		return pages, 0, s.drop(img)
	}
	if pages*pageSize > keeps(img.size) {
		return pages, 0, s.giveBack(s.found.discards()...)
	}
	for _, part := range s.found.parts {
		img.restore(s.slice(0, img.size), part.start, part.end)
	}
	return pages, pages * pageSize, nil
}

// find finds the memory's own pages. They are those of last time if no other can
// have become so.
func (s *mapped) find(img *Image) error {
	if s.watch.nothingNew() && s.known {
		return nil
	}
	s.found.begin()
	err := s.finder.find(s.slice(0, img.size), &img.layout, &s.found)
	s.known = err == nil
	return err
}

func (s *mapped) beginWatch() { s.watch.begin() }
func (s *mapped) endWatch()   { s.watch.end() }

func (s *mapped) drop(img *Image) error { return s.giveBack(extent{0, img.size}) }

// giveBack gives back all pages in some ranges, which have all that are the
// memory's own: reading them finds the image, or zeros.
func (s *mapped) giveBack(parts ...extent) error {
	s.known = false
	for _, part := range parts {
		if part.start == part.end {
			continue
		}
		if err := unix.Madvise(s.slice(part.start, part.end), unix.MADV_DONTNEED); err != nil {
			return fmt.Errorf("madvise: %w", err)
		}
	}
	return nil
}

func (s *mapped) floor(*Image) int { return 0 }

func (s *mapped) free() {
	if s.base != nil {
		_ = unix.MunmapPtr(s.base, uintptr(s.max+pageSize))
	}
	_ = takeMappings(-s.taken)
}
