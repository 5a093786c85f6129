//go:build amd64 || arm64

package image

import (
	"errors"
	"fmt"
	"sync"

	"golang.org/x/sys/unix"
)

// finder finds the pages of a memory that are its own. These are present or
// swapped, and not of the file. Whether they were written since they were last
// made equal to the image, the kernel does not know.
type finder interface {
	find(mem []byte, l *layout, found *findings) error
}

// way is a way to find pages.
type way int

const (
	byScan    way = iota // ioctl PAGEMAP_SCAN, Linux 6.7: passes over what is not mapped
	byPagemap            // reads /proc/self/pagemap: costs by the size of the memory
	byNothing            // takes all pages for written
)

var errCannotFind = errors.New("image: pages cannot be told apart")

func newFinder(w way) finder {
	switch w {
	case byScan:
		return &scanner{}
	case byPagemap:
		return &pagemapReader{}
	default:
		return blind{}
	}
}

// blind is the finder of a system without /proc.
type blind struct{}

func (blind) find([]byte, *layout, *findings) error { return errCannotFind }

// pagemap is open for as long as the process lives: both ways of finding need it.
var pagemap = sync.OnceValues(func() (int, error) {
	fd, err := unix.Open("/proc/self/pagemap", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("open /proc/self/pagemap: %w", err)
	}
	return fd, nil
})
