package runtime

import (
	"errors"
	"sync"
	"sync/atomic"
)

// errNoMemory is returned when all sandboxes together may not have more.
var errNoMemory = errors.New("runtime: no memory for another sandbox")

// account bounds the memory of all sandboxes and snapshots together. It is an
// image.Account.
type account struct {
	most int64
	used atomic.Int64

	waiters atomic.Int32
	mu      sync.Mutex
	freed   chan struct{} // closed by the next Release, when somebody waits
}

// Reserve implements image.Account.
func (a *account) Reserve(bytes int) bool {
	if a.used.Add(int64(bytes)) <= a.most {
		return true
	}
	a.used.Add(-int64(bytes))
	return false
}

// Release implements image.Account.
func (a *account) Release(bytes int) {
	a.used.Add(-int64(bytes))
	if bytes == 0 || a.waiters.Load() == 0 {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.freed != nil {
		close(a.freed)
		a.freed = nil
	}
}

// watch returns a channel that is closed once something is released; stop ends
// the watch.
func (a *account) watch() (freed <-chan struct{}, stop func()) {
	a.waiters.Add(1)
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.freed == nil {
		a.freed = make(chan struct{})
	}
	return a.freed, func() { a.waiters.Add(-1) }
}

// fits reports whether bytes more could be had at the moment.
func (a *account) fits(bytes int) bool { return a.used.Load()+int64(bytes) <= a.most }

// share is the account of one instance. It remembers a refusal: memory.grow must
// not fail because of what others have, so the run ends instead.
type share struct {
	*account
	refused atomic.Bool
}

// Reserve implements image.Account.
func (s *share) Reserve(bytes int) bool {
	if s.account.Reserve(bytes) {
		return true
	}
	s.refused.Store(true)
	return false
}
