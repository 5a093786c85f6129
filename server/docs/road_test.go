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
		for _, pair := range [][2]net.Conn{{near, far}, {far, near}} {
			copies.Go(func() { defer pair[0].Close(); io.Copy(pair[0], pair[1]) })
		}
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
	r.closed = false
}
