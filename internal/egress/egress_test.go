package egress

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"testing"
)

// names is a resolver of fixed answers.
type names map[string][]string

func (n names) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	var addrs []netip.Addr
	for _, text := range n[host] {
		addrs = append(addrs, netip.MustParseAddr(text))
	}
	if addrs == nil {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	return addrs, nil
}

// dialer notes where it was sent; what it was sent to does not answer.
type dialer struct{ dialed []string }

var errSilent = errors.New("nobody is there")

func (d *dialer) dial(_ context.Context, _, address string) (net.Conn, error) {
	d.dialed = append(d.dialed, address)
	return nil, errSilent
}

func TestAddressesThatAreNotPublicAreNotDialed(t *testing.T) {
	t.Parallel()
	refused := []string{
		"127.0.0.1", "127.255.255.254", "0.0.0.0", "0.1.2.3", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1",
		"169.254.169.254", "100.64.0.1", "100.127.255.255", "192.0.0.8", "192.0.2.1", "198.51.100.1", "203.0.113.1", "192.88.99.1",
		"198.18.0.1", "198.19.255.255", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255",
		"::", "::1", "::ffff:10.0.0.1", "::ffff:127.0.0.1", "::ffff:169.254.169.254", "::10.0.0.1", "64:ff9b::a00:1", "64:ff9b:1::a00:1",
		"fe80::1", "fe80::1%eth0", "fec0::1", "fc00::1", "fd00::1", "fd00:ec2::254", "ff02::1", "100::1",
		"2001::1", "2001:20::1", "2001:db8::1", "2002:a00:1::", "2002:7f00:1::1", "3fff::1", "5f00::1",
	}
	for _, addr := range refused {
		d := &dialer{}
		g := New(Options{Resolver: names{"evil.example": {addr}}, Dial: d.dial})
		for _, host := range []string{addr, "evil.example"} {
			_, err := g.DialContext(t.Context(), "tcp", net.JoinHostPort(host, "443"))
			if !errors.Is(err, ErrUnreachable) || len(d.dialed) > 0 {
				t.Errorf("%s as %s: got %v, dialed %v", addr, host, err, d.dialed)
			}
		}
	}
	for _, addr := range []string{"8.8.8.8", "172.32.0.1", "100.128.0.1", "198.20.0.1", "2600::1", "2a00:1450:4001::1", "::ffff:8.8.8.8"} {
		d := &dialer{}
		_, err := New(Options{Dial: d.dial}).DialContext(t.Context(), "tcp", net.JoinHostPort(addr, "443"))
		want := netip.AddrPortFrom(netip.MustParseAddr(addr).Unmap(), 443).String()
		if !errors.Is(err, ErrUnreachable) || !slices.Equal(d.dialed, []string{want}) {
			t.Errorf("%s: got %v, dialed %v", addr, err, d.dialed)
		}
	}
}

func TestOtherSpellingsOfAnAddressAreNotDialed(t *testing.T) {
	t.Parallel()
	for _, host := range []string{"2130706433", "0x7f000001", "0x7f.1", "017700000001", "0177.0.0.1", "127.1", "127.0.0.1.", "localhost.", "①②⑦.0.0.1", ""} {
		d := &dialer{}
		// A resolver that takes them for names must not be asked.
		g := New(Options{Resolver: names{host: {"8.8.8.8"}}, Dial: d.dial})
		if _, err := g.DialContext(t.Context(), "tcp", net.JoinHostPort(host, "80")); !errors.Is(err, ErrUnreachable) || len(d.dialed) > 0 {
			t.Errorf("%q: got %v, dialed %v", host, err, d.dialed)
		}
	}
}

// flipping answers with a public address first and a private one from then on.
type flipping struct{ asked int }

func (f *flipping) LookupNetIP(context.Context, string, string) ([]netip.Addr, error) {
	f.asked++
	if f.asked == 1 {
		return []netip.Addr{netip.MustParseAddr("8.8.8.8")}, nil
	}
	return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
}

func TestTheAddressThatWasCheckedIsDialed(t *testing.T) {
	t.Parallel()
	d := &dialer{}
	g := New(Options{Resolver: &flipping{}, Dial: d.dial})
	for range 3 {
		if _, err := g.DialContext(t.Context(), "tcp", "rebind.example:80"); !errors.Is(err, ErrUnreachable) {
			t.Errorf("got %v", err)
		}
	}
	if !slices.Equal(d.dialed, []string{"8.8.8.8:80"}) {
		t.Errorf("dialed %v", d.dialed)
	}
}

func TestPrivateAddressesAmongPublicOnesAreLeftOut(t *testing.T) {
	t.Parallel()
	d := &dialer{}
	g := New(Options{Resolver: names{"mixed.example": {"10.0.0.1", "8.8.8.8", "::1", "2600::1"}}, Dial: d.dial})
	_, err := g.DialContext(t.Context(), "tcp", "mixed.example:443")
	if !errors.Is(Cause(err), errSilent) || !slices.Equal(d.dialed, []string{"8.8.8.8:443", "[2600::1]:443"}) {
		t.Errorf("got %v, dialed %v", Cause(err), d.dialed)
	}
}

func TestTheOperatorOpensNetworks(t *testing.T) {
	t.Parallel()
	allow, err := ParseAllow([]string{"127.0.0.0/8", "10.1.2.3", "fd00::/8", "::ffff:10.9.9.9"})
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]bool{
		"127.0.0.1": true, "::ffff:127.0.0.1": true, "10.1.2.3": true, "fd00::1": true, "10.9.9.9": true,
		"10.1.2.4": false, "::1": false, "169.254.169.254": false, "fd00::1%eth0": false,
	}
	for addr, want := range tests {
		d := &dialer{}
		_, err := New(Options{Allow: allow, Dial: d.dial}).DialContext(t.Context(), "tcp", net.JoinHostPort(addr, "80"))
		if got := len(d.dialed) == 1; got != want {
			t.Errorf("%s: dialed is %t (%v), want %t", addr, got, Cause(err), want)
		}
	}
	for _, text := range []string{"", "10.0.0.0/33", "localhost", "fe80::1%eth0", "10.0.0.0-10.0.0.9"} {
		if _, err := ParseAllow([]string{text}); err == nil {
			t.Errorf("%q was taken", text)
		}
	}
}

// Whoever may name a target learns nothing from the answer.
func TestAllFailuresReadTheSame(t *testing.T) {
	t.Parallel()
	d := &dialer{}
	g := New(Options{Resolver: names{"inside.example": {"10.0.0.1"}}, Dial: d.dial})
	for _, address := range []string{"inside.example:80", "unknown.example:80", "8.8.8.8:80", "8.8.8.8:25", "10.0.0.1:80"} {
		_, err := g.DialContext(t.Context(), "tcp", address)
		if err == nil || err.Error() != ErrUnreachable.Error() || Cause(err) == nil || errors.Unwrap(err) != nil {
			t.Errorf("%s: got %v, cause %v", address, err, Cause(err))
		}
	}
	if _, err := g.DialContext(t.Context(), "udp", "8.8.8.8:80"); !errors.Is(err, ErrUnreachable) {
		t.Errorf("udp: got %v", err)
	}
}

func TestTheEndOfTheCallersTimeIsNotTheTargetsFault(t *testing.T) {
	t.Parallel()
	gone := errors.New("no longer wanted")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(gone)
	_, err := New(Options{Dial: (&dialer{}).dial}).DialContext(ctx, "tcp", "8.8.8.8:80")
	if !errors.Is(err, gone) {
		t.Errorf("got %v", err)
	}
}
