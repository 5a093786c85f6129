//go:build amd64 || arm64

package image

import (
	"errors"
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// storeName is what /proc/self/maps calls images.
const storeName = "carrel-image"

// seals make a store immutable, for this process too.
const seals = unix.F_SEAL_WRITE | unix.F_SEAL_GROW | unix.F_SEAL_SHRINK | unix.F_SEAL_SEAL

// store keeps the content of an image in a sealed file in memory. Pages that are
// zero are holes, which take memory once a memory that maps them touches them.
type store struct {
	fd   int
	data []byte // the file, read-only; reading a hole would fill it
}

// newStore returns a store of content. An empty one has no file.
func newStore(content []byte, l layout) (*store, error) {
	s := &store{fd: -1}
	if len(content) == 0 {
		return s, nil
	}
	if err := s.create(content, l); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *store) create(content []byte, l layout) (err error) {
	if s.fd, err = openMemfd(); err != nil {
		return fmt.Errorf("memfd_create: %w", noMemory(err))
	}
	if err := unix.Ftruncate(s.fd, int64(len(content))); err != nil {
		return fmt.Errorf("ftruncate: %w", noMemory(err))
	}
	if err := s.write(content, l); err != nil {
		return fmt.Errorf("write: %w", noMemory(err))
	}
	if _, err := unix.FcntlInt(uintptr(s.fd), unix.F_ADD_SEALS, seals); err != nil {
		return fmt.Errorf("seal: %w", err)
	}
	if err := takeMappings(1); err != nil {
		return err
	}
	base, err := unix.MmapPtr(s.fd, 0, nil, uintptr(len(content)), unix.PROT_READ, unix.MAP_PRIVATE)
	if err != nil {
		_ = takeMappings(-1)
		return fmt.Errorf("mmap: %w", noMemory(err))
	}
	s.data = unsafe.Slice((*byte)(base), len(content))
	return nil
}

// openMemfd makes a file that cannot be executed, where the kernel knows how to
// (6.3); it logs a warning about any other.
func openMemfd() (int, error) {
	const flags = unix.MFD_CLOEXEC | unix.MFD_ALLOW_SEALING
	fd, err := unix.MemfdCreate(storeName, flags|unix.MFD_NOEXEC_SEAL)
	if errors.Is(err, unix.EINVAL) {
		return unix.MemfdCreate(storeName, flags)
	}
	return fd, err
}

// write writes the pages that are not zero, neighbours at once.
func (s *store) write(content []byte, l layout) error {
	for at := 0; at < len(content); at += pageSize {
		start := at
		for at < len(content) && l.holds(at) {
			at += pageSize
		}
		if err := writeAt(s.fd, content[start:at], start); err != nil {
			return err
		}
	}
	return nil
}

func writeAt(fd int, data []byte, offset int) error {
	for len(data) > 0 {
		n, err := unix.Pwrite(fd, data, int64(offset))
		if err != nil && !errors.Is(err, unix.EINTR) {
			return err
		}
		data, offset = data[max(n, 0):], offset+max(n, 0)
	}
	return nil
}

// close is called once; memories that map the file keep its pages.
func (s *store) close() {
	if s.data != nil {
		_ = unix.MunmapPtr(unsafe.Pointer(unsafe.SliceData(s.data)), uintptr(len(s.data)))
		_ = takeMappings(-1)
		s.data = nil
	}
	if s.fd >= 0 {
		_ = unix.Close(s.fd)
		s.fd = -1
	}
}

// noMemory adds ErrNoMemory to the kernel's ways of saying so.
func noMemory(err error) error {
	if errors.Is(err, unix.ENOMEM) || errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EAGAIN) {
		return fmt.Errorf("%w: %w", ErrNoMemory, err)
	}
	return err
}
