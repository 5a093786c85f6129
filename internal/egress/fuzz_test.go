package egress

import (
	"bytes"
	"errors"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"testing"
)

// FuzzSplitHostPort: what is dialed is the host and the port that were written.
func FuzzSplitHostPort(f *testing.F) {
	for _, s := range []string{"example.com:443", "[::1]:8080", "127.0.0.1:80", "0x7f.1:80", "example.com:22", "example.com:+80", "[fe80::1%eth0]:80", ":80", "a:b:80"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, address string) {
		host, port, err := splitHostPort(address)
		if err != nil {
			return
		}
		if badPorts[port] || checkHost(host) != nil {
			t.Errorf("%q is taken as %q and %d", address, host, port)
		}
		againHost, againPort, err := splitHostPort(net.JoinHostPort(host, strconv.Itoa(int(port))))
		if err != nil || againHost != host || againPort != port {
			t.Errorf("%q is %q and %d, and then %q and %d, %v", address, host, port, againHost, againPort, err)
		}
	})
}

// FuzzParseAllow: a network that is opened is the one that was written, and the
// address of no other is.
func FuzzParseAllow(f *testing.F) {
	for _, s := range []string{"127.0.0.0/8", "10.1.2.3", "::1", "::ffff:10.0.0.0/104", "::ffff:10.0.0.1", "fe80::1%eth0", "10.0.0.0/33", "0.0.0.0/0"} {
		f.Add(s, "10.1.2.3")
	}
	f.Fuzz(func(t *testing.T, text, addr string) {
		list, err := ParseAllow([]string{text})
		if err != nil {
			return
		}
		if len(list) != 1 || !list[0].IsValid() {
			t.Fatalf("%q is %v", text, list)
		}
		again, err := ParseAllow([]string{list[0].String()})
		if err != nil || again[0] != list[0] {
			t.Errorf("%q is %v, and then %v, %v", text, list, again, err)
		}
		at, err := netip.ParseAddr(addr)
		if err != nil {
			return
		}
		g := New(Options{Allow: list})
		closed := New(Options{})
		if g.check(at) == nil && closed.check(at) != nil && !list[0].Contains(at.Unmap()) && !list[0].Contains(at) {
			t.Errorf("%q opens %s", text, at)
		}
	})
}

// FuzzMatchHost: a pattern stands for a name, or for those below one.
func FuzzMatchHost(f *testing.F) {
	f.Add("*.example.com", "a.b.example.com")
	f.Add("API.example.com", "api.Example.com")
	f.Add("*", "example.com")
	f.Fuzz(func(t *testing.T, pattern, host string) {
		if !matchHost(pattern, host) {
			return
		}
		name := strings.ToLower(strings.TrimPrefix(pattern, "*"))
		if !strings.HasSuffix(strings.ToLower(host), name) || strings.HasPrefix(pattern, "*") && !strings.HasPrefix(name, ".") {
			t.Errorf("%q stands for %q", pattern, host)
		}
	})
}

// FuzzReadBody: what is read of a body is all of it, or too large.
func FuzzReadBody(f *testing.F) {
	f.Add([]byte("hello"), int64(4))
	f.Add([]byte("hello"), int64(5))
	f.Fuzz(func(t *testing.T, body []byte, limit int64) {
		if limit < 0 || limit > 1<<40 {
			return
		}
		got, err := ReadBody(bytes.NewReader(body), limit)
		if fits := int64(len(body)) <= limit; fits && (err != nil || !bytes.Equal(got, body)) || !fits && !errors.Is(err, ErrTooLarge) {
			t.Errorf("%d bytes of %d: got %d, %v", len(body), limit, len(got), err)
		}
	})
}
