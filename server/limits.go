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
	// maxFailures is how many wrong keys a network may show in a failureWindow.
	maxFailures   = 300
	failureWindow = time.Minute
	// maxAnswers bounds the answers that are under way, in bytes of the events of
	// their tasks; making one takes up to three times that. Of it a party has its
	// share, as of streams. Those of up to smallAnswer do not count.
	maxAnswers  = 256 << 20
	smallAnswer = 64 << 10
	// maxAddresses bounds the networks that are counted.
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

// failures counts wrong keys by network, in windows. When more networks fail
// than it counts, it forgets and begins a new window.
type failures struct {
	mu     sync.Mutex
	began  time.Time
	counts map[netip.Prefix]int
}

// add counts a failure, and returns how many the network of addr has in the window.
func (f *failures) add(addr netip.Addr) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.counts == nil || time.Since(f.began) >= failureWindow || len(f.counts) >= maxAddresses {
		f.began, f.counts = time.Now(), make(map[netip.Prefix]int)
	}
	from := network(addr)
	f.counts[from]++
	return f.counts[from]
}
