package server

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// lingerTime and lingerBytes bound how long a refused sender is listened to
	// after its answer, and how much is taken from it: closing on data unread would
	// reset the connection, and the sender might never see why.
	lingerTime  = time.Second
	lingerBytes = 16 << 20
	// heldBytes is how much a connection holds back, see hold: writes of [oneWrite] with
	// what is around them.
	heldBytes = 4 * 4096
)

// listener hands out connections that can be closed all at once and that linger
// when their sender was refused.
type listener struct {
	net.Listener

	mu     sync.Mutex
	conns  map[*conn]struct{}
	closed bool
}

func newListener(l net.Listener) *listener {
	return &listener{Listener: l, conns: make(map[*conn]struct{})}
}

// Accept waits for the next connection.
func (l *listener) Accept() (net.Conn, error) {
	raw, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	c := &conn{Conn: raw, of: l}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		raw.Close()
		return nil, net.ErrClosed
	}
	l.conns[c] = struct{}{}
	return c, nil
}

// closeUnused closes the connections on which nothing was ever sent.
func (l *listener) closeUnused() {
	for _, c := range l.open() {
		if !c.used.Load() {
			c.Close()
		}
	}
}

// closeAll closes every connection, whatever goes on there.
func (l *listener) closeAll() {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	for _, c := range l.open() {
		c.lingers.Store(false)
		c.Close()
	}
}

func (l *listener) open() []*conn {
	l.mu.Lock()
	defer l.mu.Unlock()
	list := make([]*conn, 0, len(l.conns))
	for c := range l.conns {
		list = append(list, c)
	}
	return list
}

func (l *listener) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.conns)
}

type conn struct {
	net.Conn
	of *listener
	// used is set by the first byte received, lingers when the sender is to be
	// told before it has sent all.
	used, lingers atomic.Bool
	closing       sync.Once
	closeErr      error

	writing sync.Mutex // TLS says goodbye from wherever it is closed
	holds   bool
	held    *[]byte // what is kept back; nil when that is nothing
}

// hold says what becomes of the writes that follow: while on, they are kept back, up to
// heldBytes, because another write is sure to come at once. The first write after that
// takes along what was kept. A nil connection has nothing to keep.
func (c *conn) hold(on bool) {
	if c == nil {
		return
	}
	c.writing.Lock()
	defer c.writing.Unlock()
	c.holds = on
}

var heldBuffers = sync.Pool{New: func() any {
	b := make([]byte, 0, heldBytes)
	return &b
}}

// Write writes to the connection. What is held back is written by a later one, which
// returns the error of it.
func (c *conn) Write(p []byte) (int, error) {
	c.writing.Lock()
	defer c.writing.Unlock()
	if c.held == nil {
		if !c.holds {
			return c.Conn.Write(p)
		}
		c.held = heldBuffers.Get().(*[]byte)
	}
	*c.held = append(*c.held, p...)
	if full := len(*c.held) > heldBytes-len(p); c.holds && !full { // else the next one would not fit
		return len(p), nil
	}
	_, err := c.Conn.Write(*c.held)
	c.letGo()
	if err != nil {
		return 0, err
	}
	return len(p), nil
}

// letGo gives the buffer of what was held back to others.
func (c *conn) letGo() {
	if cap(*c.held) <= 2*heldBytes {
		*c.held = (*c.held)[:0]
		heldBuffers.Put(c.held)
	}
	c.held = nil
}

// Read reads from the connection.
func (c *conn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if n > 0 && !c.used.Load() {
		c.used.Store(true)
	}
	return n, err
}

// Close closes the connection, after lingering where that was asked for.
func (c *conn) Close() error {
	c.closing.Do(func() {
		if c.lingers.Load() {
			c.linger()
		}
		c.of.mu.Lock()
		delete(c.of.conns, c)
		c.of.mu.Unlock()
		c.closeErr = c.Conn.Close()
	})
	return c.closeErr
}

func (c *conn) linger() {
	half, ok := c.Conn.(interface{ CloseWrite() error })
	end := time.Now().Add(lingerTime)
	if !ok || half.CloseWrite() != nil || c.Conn.SetReadDeadline(end) != nil {
		return
	}
	if _, err := io.CopyN(io.Discard, c.Conn, lingerBytes); err == nil {
		time.Sleep(time.Until(end)) // it cannot send, and has the time to look at its answer
	}
}

// lingering makes a connection of a listener linger when it is closed, also under TLS.
func lingering(c net.Conn) {
	if own := ownConn(c); own != nil {
		own.lingers.Store(true)
	}
}

// ownConn is the listener's connection: c, or what lies under its TLS. It is nil when c
// is of no listener of ours.
func ownConn(c net.Conn) *conn {
	if over, ok := c.(interface{ NetConn() net.Conn }); ok {
		c = over.NetConn()
	}
	own, _ := c.(*conn)
	return own
}
