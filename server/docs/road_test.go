package docs_test

import (
	"errors"
	"io"
	"net"
	"sync"
	"testing"
)

// road leads connections to the server until it is cut.
type road struct {
	net.Listener
	to string

	mu     sync.Mutex
	closed bool
	deaf   bool // nothing comes back
	open   []net.Conn
}

func newRoad(t *testing.T, to string) *road {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &road{Listener: l, to: to}
	ended := make(chan struct{})
	go func() { defer close(ended); r.serve() }()
	t.Cleanup(func() { l.Close(); r.cut(); <-ended })
	return r
}

func (r *road) serve() {
	var copies sync.WaitGroup
	defer copies.Wait()
	for {
		near, err := r.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		far, dialed := net.Dial("tcp", r.to)
		if err != nil || dialed != nil || !r.keep(near, far) {
			continue
		}
		copies.Go(func() { defer far.Close(); io.Copy(far, near) })
		copies.Go(func() { defer near.Close(); io.Copy(back{r, near}, far) })
	}
}

func (r *road) keep(conns ...net.Conn) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range conns {
		if r.closed {
			c.Close()
		}
	}
	r.open = append(r.open, conns...)
	return !r.closed
}

// cut breaks all connections, and new ones until it is mended.
func (r *road) cut() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	for _, c := range r.open {
		c.Close()
	}
	r.open = nil
}

func (r *road) mend() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed, r.deaf = false, false
}

// deafen lets nothing come back any more, until it is mended.
func (r *road) deafen() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.deaf = true
}

// back is the way back.
type back struct {
	road *road
	net.Conn
}

func (b back) Write(p []byte) (int, error) {
	b.road.mu.Lock()
	deaf := b.road.deaf
	b.road.mu.Unlock()
	if deaf {
		return len(p), nil
	}
	return b.Conn.Write(p)
}
