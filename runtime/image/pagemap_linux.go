//go:build amd64 || arm64

package image

import (
	"errors"
	"fmt"
	"io"
	"unsafe"

	"golang.org/x/sys/unix"
)

// pagemapReader finds pages by reading /proc/self/pagemap, a number per page.
type pagemapReader struct{ entries [512]uint64 }

// What a number says about its page.
const (
	entryPresent = 1 << 63
	entrySwapped = 1 << 62
	entryFile    = 1 << 61 // or shared anonymous
)

// isPrivate reports whether the page is the memory's own. The zero page counts as
// such: only privileged processes may tell it apart.
func isPrivate(entry uint64) bool {
	return entry&(entryPresent|entrySwapped) != 0 && entry&entryFile == 0
}

func (p *pagemapReader) find(mem []byte, _ *layout, found *findings) error {
	fd, err := pagemap()
	if err != nil {
		return err
	}
	base := uintptr(unsafe.Pointer(unsafe.SliceData(mem))) / uintptr(pageSize)
	for pages := len(mem) / pageSize; pages > 0; {
		at := len(mem)/pageSize - pages
		n, err := p.read(fd, base+uintptr(at), min(pages, len(p.entries)))
		if err != nil {
			return fmt.Errorf("read /proc/self/pagemap: %w", err)
		}
		for i, entry := range p.entries[:n] {
			if isPrivate(entry) {
				found.add((at+i)*pageSize, (at+i+1)*pageSize)
			}
		}
		pages -= n
	}
	return nil
}

// read reads the entries of some pages and returns their number.
func (p *pagemapReader) read(fd int, page uintptr, pages int) (int, error) {
	const size = int(unsafe.Sizeof(p.entries[0]))
	buf := unsafe.Slice((*byte)(unsafe.Pointer(&p.entries)), pages*size)
	n, err := unix.Pread(fd, buf, int64(page)*int64(size))
	for errors.Is(err, unix.EINTR) {
		n, err = unix.Pread(fd, buf, int64(page)*int64(size))
	}
	if err == nil && n < size {
		err = io.ErrUnexpectedEOF
	}
	return n / size, err
}
