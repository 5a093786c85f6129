package host

import (
	"crypto/rand"
	"sync"
	"time"
)

// clock is what a guest sees of time: it stands still between host calls, never
// runs backwards, and is too coarse to time anything by.
type clock struct {
	now func() time.Time

	mu    sync.Mutex
	shown time.Time
	slept time.Duration // by which the guest is ahead
}

const clockStep = time.Millisecond

// tick lets the guest's clock catch up with the host's.
func (c *clock) tick() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := c.now().Add(c.slept).Truncate(clockStep); now.After(c.shown) {
		c.shown = now
	}
}

// Now is the guest's clock: it stands still between host calls and never runs backwards.
func (s *Session) Now() time.Time {
	s.clock.mu.Lock()
	defer s.clock.mu.Unlock()
	return s.clock.shown
}

// Sleep advances the guest's clock without waiting. A negative or absurd
// duration is taken for the nearest that makes sense: 0, or a year.
func (s *Session) Sleep(d time.Duration) {
	const longest = 365 * 24 * time.Hour
	d = min(max(d, 0), longest)
	s.clock.mu.Lock()
	defer s.clock.mu.Unlock()
	if s.clock.slept+d > longest {
		d = longest - s.clock.slept
	}
	s.clock.slept += d
	s.clock.shown = s.clock.shown.Add(d)
}

// Random fills b with random bytes that nobody can foretell.
func (s *Session) Random(b []byte) {
	_, _ = rand.Read(b) // never fails
}
