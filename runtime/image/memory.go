package image

import (
	"errors"
	"fmt"
	"sync"
)

var (
	// ErrFreed is returned by a Memory after Free.
	ErrFreed = errors.New("image: memory is freed")
	// ErrGrew is returned by Reset for a memory that is larger than its image: an
	// instance cannot be made smaller, so its memory is not to be used again.
	ErrGrew = errors.New("image: memory has grown beyond its image")
	// ErrNoImage is returned by Reset for a memory that maps no image.
	ErrNoImage = errors.New("image: memory maps no image")
)

// Memory is a linear memory. It begins empty; Reallocate makes it larger, Map
// replaces its content by an image, and Reset brings it back to that image.
//
// On Linux its address never changes: it has all the address space that it may
// ever need, and no bytes that were not touched. It takes 2 of the process's
// mappings (vm.max_map_count, 65,530 by default), and with an image at most 10,
// mostly 4; all together get no more than half of the mappings there are. On other
// systems a Memory moves when it grows.
//
// The account is charged as follows. Growth by Reallocate is charged as it is
// handed out, touched or not. Map leaves the memory charged with nothing, since
// it shares the image. Charge charges the whole size, which is what a run may
// dirty; Reset goes back to the pages that stay the memory's own, for the next
// run to find them ready. So an owner that calls Charge before each run has all
// memory bounded before it is used, and one that does not has it counted after.
// Where memories are plain bytes, they are charged with their size at all times.
//
// A Memory is used by one goroutine at a time; only Free may come from another,
// as engines free the memory of an instance that they close. Nobody may read or
// write what Reallocate returned during Map and Reset, or after Free: that
// address may be gone, and the process with it.
type Memory struct {
	mu      sync.Mutex
	space   space // nil after Free
	account Account
	image   *Image // nil before Map
	max     int
	size    int
	charged int
}

// NewMemory returns an empty memory that may grow to max bytes, a multiple of
// 64 KiB. Its bytes are charged to account, which may be nil. The error is an
// ErrNoMemory when address space or mappings cannot be had, or an ErrSize.
func NewMemory(max int, account Account) (*Memory, error) {
	return newMemory(max, account, newSpace)
}

func newMemory(max int, account Account, open func(max int) (space, error)) (*Memory, error) {
	if err := checkSize(max); err != nil {
		return nil, err
	}
	space, err := open(max)
	if err != nil {
		return nil, fmt.Errorf("memory of %d bytes: %w", max, err)
	}
	return &Memory{space: space, account: account, max: max}, nil
}

// Reallocate returns the first size bytes, after growing the memory to them if it
// is smaller; new bytes are zero. It returns nil when size is above the maximum,
// the account refuses, or the memory is freed. The memory does not get smaller.
// The capacity of the result is its length, so that an engine has to ask for each
// growth.
func (m *Memory) Reallocate(size uint64) []byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.space == nil || size > uint64(m.max) || size%wasmPage != 0 {
		return nil
	}
	if more := int(size) - m.size; more > 0 {
		if !m.charge(m.charged + more) {
			return nil
		}
		m.size += more
	}
	return m.space.resize(int(size))
}

// Map replaces the content by img: Size is then that of img, and what was beyond
// is gone. The memory holds img until the next Map or Free. It may be called
// again, also on a memory that has grown, for a new instance. ErrSize,
// ErrReleased and ErrFreed leave the memory as it was; after any other error it
// is freed.
func (m *Memory) Map(img *Image) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.space == nil:
		return ErrFreed
	case img.size > m.max:
		return fmt.Errorf("%w: an image of %d bytes, a memory of %d", ErrSize, img.size, m.max)
	case !img.hold():
		return ErrReleased
	}
	m.forget()
	m.image, m.size = img, img.size
	err := m.space.load(img)
	if err == nil && !m.charge(m.space.floor(img)) {
		err = errRefused
	}
	if err != nil {
		m.free()
		return fmt.Errorf("map an image of %d bytes: %w", img.size, err)
	}
	return nil
}

// forget lets go of the image that is mapped.
func (m *Memory) forget() {
	if m.image != nil {
		m.image.letGo()
		m.image = nil
	}
}

// Charge charges the account with the whole size: call it before a run. The error
// is an ErrNoMemory when the account refuses; the charge is then as before. It
// may be called twice.
func (m *Memory) Charge() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.space == nil {
		return ErrFreed
	}
	if !m.charge(m.size) {
		return fmt.Errorf("charge a memory of %d bytes: %w", m.size, errRefused)
	}
	return nil
}

// charge makes the charge be bytes.
func (m *Memory) charge(bytes int) bool {
	if bytes > m.charged && !reserve(m.account, bytes-m.charged) {
		return false
	}
	release(m.account, m.charged-bytes)
	m.charged = bytes
	return true
}

// Watch and Unwatch let a Reset be cheap: they bracket the times in which the
// memory is written to, in one goroutine, which is locked to its thread from the
// one to the other. There may be any number of them between two Resets. When no
// page fault happened in any, Reset restores the pages that it restored last
// time, and does not look for others. Without them it looks each time; a memory
// that is written to outside of them, once they are used, is not restored.
func (m *Memory) Watch() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.space != nil {
		m.space.beginWatch()
	}
}

// Unwatch ends what Watch began.
func (m *Memory) Unwatch() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.space != nil {
		m.space.endWatch()
	}
}

// Reset makes the content equal to the image again and returns how many pages it
// took for written: all of them where it cannot tell. It fails with ErrGrew,
// ErrNoImage or ErrFreed. After any error the content must not be used: free the
// memory, or map an image.
func (m *Memory) Reset() (pages int, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.space == nil:
		return 0, ErrFreed
	case m.image == nil:
		return 0, ErrNoImage
	case m.size > m.image.size:
		return 0, ErrGrew
	}
	pages, private, err := m.space.restore(m.image)
	if err == nil && !m.charge(private) {
		err = m.space.drop(m.image)
		m.charge(m.space.floor(m.image))
	}
	if err != nil {
		return 0, fmt.Errorf("reset a memory of %d bytes: %w", m.size, err)
	}
	return pages, nil
}

// Size returns how many bytes were handed out: those of the image, or more.
func (m *Memory) Size() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.size
}

// Charged returns the bytes that the account is charged with for this memory.
func (m *Memory) Charged() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.charged
}

// Free gives everything back. It may be called twice, and by two owners at once.
func (m *Memory) Free() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.free()
}

func (m *Memory) free() {
	if m.space == nil {
		return
	}
	m.space.free()
	m.space = nil
	m.forget()
	m.charge(0)
	m.size = 0
}
