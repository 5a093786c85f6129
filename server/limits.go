package server

import (
	"net/netip"
	"sync"
	"time"
)

// Limits that are not options, beside those of bodies and connections.
const (
	// maxHeader bounds the request line and header fields together.
	maxHeader = 8 << 10
	// maxAdminBody bounds what is decoded for the admin API, where a few names are
	// all that is said.
	maxAdminBody = 64 << 10
	// maxFailures is how many wrong keys an address may show in a failureWindow.
	maxFailures   = 300
	failureWindow = time.Minute
	// maxAddresses bounds the addresses that are counted.
	maxAddresses = 10_000
)

// timing is how long the edge waits for others.
type timing struct {
	// read bounds the time for a whole request, each step of an upload, and a TLS
	// handshake; idle the wait for the next request.
	read, idle time.Duration
	// write bounds one write of an answer, or of one frame of a stream.
	write time.Duration
	// lastAnswers is the time for requests to answer after they were told to at shutdown.
	lastAnswers time.Duration
}

func (t timing) withDefaults() timing {
	return timing{
		read:        or(t.read, 30*time.Second),
		idle:        or(t.idle, 2*time.Minute),
		write:       or(t.write, 30*time.Second),
		lastAnswers: or(t.lastAnswers, time.Second),
	}
}

// failures counts wrong keys by address, in windows. When more addresses fail
// than it counts, it forgets and begins a new window.
type failures struct {
	mu     sync.Mutex
	began  time.Time
	counts map[netip.Addr]int
}

// exceeded reports whether the address has failed too often.
func (f *failures) exceeded(addr netip.Addr) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.counts[addr] >= maxFailures && time.Since(f.began) < failureWindow
}

func (f *failures) add(addr netip.Addr) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.counts == nil || time.Since(f.began) >= failureWindow || len(f.counts) >= maxAddresses {
		f.began, f.counts = time.Now(), make(map[netip.Addr]int)
	}
	f.counts[addr]++
}
