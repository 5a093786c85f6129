// Package image gives WebAssembly instances linear memories that share one
// snapshot. An [Image] holds the content of a memory once; any number of
// memories map it copy-on-write, and [Memory.Reset] brings a memory back to the
// image for the price of the pages that were written since.
//
// On Linux (amd64 and arm64) an image is a sealed memfd, and the kernel is asked
// which pages a memory no longer shares with it. Elsewhere memories are plain
// bytes, and a reset copies the image: same results, other costs.
//
// The package knows neither engines nor guests. A Memory has the methods that
// wazero wants of an experimental.LinearMemory.
package image

import (
	"errors"
	"fmt"
	"os"
	"sync/atomic"
)

const (
	// wasmPage is the unit in which memories are sized.
	wasmPage = 64 << 10
	// maxSize is the largest memory that WebAssembly can address.
	maxSize = 1 << 32
)

// pageSize is the unit in which the machine maps memory: it divides wasmPage.
var pageSize = os.Getpagesize()

var (
	// ErrNoMemory is returned when the machine or the account has no more memory
	// to give.
	ErrNoMemory = errors.New("image: out of memory")
	// ErrSize is returned for a size that is negative, over 4 GiB, no multiple of
	// 64 KiB, or more than the memory reserved.
	ErrSize = errors.New("image: invalid size")
	// ErrReleased is returned when an image is mapped after its last release.
	ErrReleased = errors.New("image: image is released")
)

// Image is the immutable content of a linear memory. It is safe for concurrent
// use, and lives until its owner has released it and no Memory maps it.
type Image struct {
	store   *store
	layout  layout
	size    int
	account Account

	released atomic.Bool  // by the owner
	users    atomic.Int64 // the owner, and each Memory that maps the image
}

// New copies content, whose length is a multiple of 64 KiB, into an image. It
// charges account, which may be nil, with Stored bytes until the image is gone.
// The caller owns the image and releases it. An image takes one file descriptor
// and one mapping.
func New(content []byte, account Account) (*Image, error) {
	if err := checkSize(len(content)); err != nil {
		return nil, err
	}
	img := &Image{layout: newLayout(content), size: len(content), account: account}
	if !reserve(account, img.Stored()) {
		return nil, fmt.Errorf("image of %d bytes: %w", img.size, errRefused)
	}
	st, err := newStore(content, img.layout)
	if err != nil {
		release(account, img.Stored())
		return nil, fmt.Errorf("image of %d bytes: %w", img.size, err)
	}
	img.store = st
	img.users.Store(1)
	return img, nil
}

func checkSize(size int) error {
	if size < 0 || int64(size) > maxSize || size%wasmPage != 0 {
		return fmt.Errorf("%w: %d bytes", ErrSize, size)
	}
	return nil
}

// Size returns the length of the content in bytes.
func (img *Image) Size() int { return img.size }

// Stored returns how many bytes the image itself may take: its pages that are
// not zero, and stretches of zeros between them that are not worth a mapping of
// their own.
func (img *Image) Stored() int { return img.layout.mapped() }

// Release gives up the owner's hold. Memories that map the image keep it, but no
// other can map it after the last is gone. It may be called twice.
func (img *Image) Release() {
	if img.released.CompareAndSwap(false, true) {
		img.letGo()
	}
}

// hold adds a user, unless the image is gone.
func (img *Image) hold() bool {
	for {
		n := img.users.Load()
		if n == 0 {
			return false
		}
		if img.users.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

func (img *Image) letGo() {
	if img.users.Add(-1) == 0 {
		img.store.close()
		release(img.account, img.Stored())
	}
}

// restore makes mem[start:end] equal to the image. Both are page boundaries.
func (img *Image) restore(mem []byte, start, end int) {
	for at := start; at < end; at += pageSize {
		page := mem[at : at+pageSize]
		switch {
		case img.layout.holds(at):
			copy(page, img.store.data[at:])
		case !isZero(page):
			// Reading first keeps a page that was only read from becoming a
			// private one: it may be the zero page that all share.
			clear(page)
		}
	}
}
