package server

import (
	"net/netip"
	"sync"
	"testing"

	"github.com/carrelhq/carrel/task"
	"github.com/carrelhq/carrel/tenant"
)

// fill takes one by one until no more is given.
func (q *quota) fill(who party) (n int64) {
	for q.take(who, 1) {
		n++
	}
	return n
}

// open is what is held.
func (q *quota) open() int64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.held
}

func TestNoPartyKeepsTheOthersOut(t *testing.T) {
	t.Parallel()
	from := func(addr string) party { return party{"acme", true, network(netip.MustParseAddr(addr))} }
	acme, beta, operator := party{tenant: "acme"}, party{tenant: "beta"}, party{}
	for name, test := range map[string]struct {
		max   int64
		takes []party
		want  []int64
	}{
		"one alone":                           {1000, []party{acme}, []int64{750}},
		"one after another":                   {1000, []party{acme, beta, operator}, []int64{750, 188, 47}},
		"one place":                           {1, []party{acme, beta}, []int64{1, 0}},
		"an address":                          {1000, []party{from("192.0.2.1"), from("192.0.2.1"), from("192.0.2.2")}, []int64{125, 0, 125}},
		"an address of few places":            {2, []party{from("192.0.2.1"), from("192.0.2.2")}, []int64{1, 1}},
		"addresses of one IPv6 network":       {1000, []party{from("2001:db8::1"), from("2001:db8::2"), from("2001:db8:0:1::1")}, []int64{125, 0, 125}},
		"addresses do not count on keys":      {1000, []party{from("192.0.2.1"), acme}, []int64{125, 657}},
		"many addresses are together a party": {80, []party{from("192.0.2.1"), from("192.0.2.2"), from("192.0.2.3"), from("192.0.2.4"), from("192.0.2.5"), from("192.0.2.6"), from("192.0.2.7"), acme}, []int64{10, 10, 10, 10, 10, 10, 0, 15}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q := newQuota(test.max)
			for i, who := range test.takes {
				if got := q.fill(who); got != test.want[i] {
					t.Errorf("party %d, %v: got %d, want %d", i, who, got, test.want[i])
				}
			}
		})
	}
}

func TestAQuotaThatIsGivenBackIsWhole(t *testing.T) {
	t.Parallel()
	q := newQuota(100)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			who := party{tenant: string(rune('a' + i/2)), anonymous: i%2 == 0, addr: network(netip.AddrFrom4([4]byte{192, 0, 2, byte(i)}))}
			for n := range int64(1000) {
				l := loan{of: q, who: who}
				l.grow(n % 7)
				l.grow(n % 13)
				l.grow(n % 5)
				l.end()
				l.end()
			}
		})
	}
	wg.Wait()
	if q.held != 0 || len(q.by) != 0 {
		t.Errorf("left are %d, and %v", q.held, q.by)
	}
}

func TestOnWhoseAccountACallerIs(t *testing.T) {
	t.Parallel()
	ref, addr := task.Ref{Tenant: "acme", Agent: "open"}, netip.MustParseAddr("192.0.2.1")
	for _, test := range []struct {
		by   caller
		want party
	}{
		{caller{ref: ref, principal: tenant.Principal{Tenant: "acme"}, addr: addr}, party{tenant: "acme"}},
		{caller{ref: ref, principal: tenant.Principal{Operator: true}, addr: addr}, party{}},
		{caller{ref: ref, anonymous: true, addr: addr}, party{"acme", true, netip.MustParsePrefix("192.0.2.1/32")}},
		{caller{ref: ref, anonymous: true}, party{"acme", true, netip.Prefix{}}},
	} {
		if got := test.by.party(); got != test.want {
			t.Errorf("%+v: got %v, want %v", test.by, got, test.want)
		}
	}
}
