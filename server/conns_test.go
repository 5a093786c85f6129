package server

import (
	"errors"
	"net"
	"strings"
	"testing"
)

// recorder is a connection that remembers each write.
type recorder struct {
	net.Conn
	writes []string
	err    error
}

func (r *recorder) Write(p []byte) (int, error) {
	if r.err != nil {
		return 0, r.err
	}
	r.writes = append(r.writes, string(p))
	return len(p), nil
}

func TestAConnectionHoldsBackWhatIsFollowed(t *testing.T) {
	t.Parallel()
	raw := &recorder{}
	c := &conn{Conn: raw}
	write := func(hold bool, text string) {
		t.Helper()
		c.hold(hold)
		if n, err := c.Write([]byte(text)); n != len(text) || err != nil {
			t.Fatalf("wrote %d bytes, %v", n, err)
		}
	}
	write(false, "at once")
	write(true, "a")
	write(true, "b")
	if len(raw.writes) != 1 {
		t.Errorf("what is held back is written: %q", raw.writes)
	}
	write(false, "c")
	write(false, "d")
	piece := strings.Repeat("x", oneWrite+7)
	for range 5 {
		write(true, piece)
	}
	write(false, "end")
	want := []string{"at once", "abc", "d", strings.Repeat(piece, 4), piece + "end"}
	if got := strings.Join(raw.writes, "|"); got != strings.Join(want, "|") {
		t.Errorf("got %.200s", got)
	}
	if c.held != nil {
		t.Error("a connection that holds nothing back has a buffer")
	}
}

func TestAWriteTellsThatWhatWasHeldBackIsLost(t *testing.T) {
	t.Parallel()
	raw := &recorder{err: errors.New("gone")}
	c := &conn{Conn: raw}
	c.hold(true)
	if _, err := c.Write([]byte("a")); err != nil {
		t.Fatal(err)
	}
	c.hold(false)
	if _, err := c.Write([]byte("b")); !errors.Is(err, raw.err) {
		t.Errorf("got %v", err)
	}
}
