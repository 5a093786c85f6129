package server

import (
	"net/netip"
	"sync"

	"github.com/carrelhq/carrel/tenant"
)

// party is on whose account something is held: callers with keys of one tenant
// are one, those without a key that call its agents are another, in which each
// address has a part of its own.
type party struct {
	// tenant is empty for operators, and for connections.
	tenant    string
	anonymous bool
	// addr is the network of a caller without a key, or of a connection.
	addr netip.Prefix
}

// group is the party that an anonymous caller belongs to, or the party itself.
func (p party) group() party {
	if p.anonymous {
		p.addr = netip.Prefix{}
	}
	return p
}

// partyOf is whose account a key is on.
func partyOf(p tenant.Principal) party { return party{tenant: p.Tenant} }

// party is whose account the caller is on.
func (by caller) party() party {
	if by.anonymous {
		return party{by.ref.Tenant, true, network(by.addr)}
	}
	return partyOf(by.principal)
}

// network is what counts as one address: who has an IPv6 address has 2^64.
func network(addr netip.Addr) netip.Prefix {
	bits := addr.BitLen()
	if addr.Is6() {
		bits = 64
	}
	p, _ := addr.Prefix(bits) // none for no address
	return p
}

// addressPart is the part of a quota that the callers of one address may hold.
const addressPart = 8

// quota bounds what is held at a time, in all and by each party, so that none
// keeps the others out: a party may hold three times what is left, that is three
// quarters of all when it is alone, three sevenths beside another that does the
// same, and so on. Use it from any goroutine.
type quota struct {
	max int64

	mu   sync.Mutex
	held int64
	by   map[party]int64
}

func newQuota(limit int64) *quota { return &quota{max: limit, by: map[party]int64{}} }

// take takes n for the party, or nothing and reports false.
func (q *quota) take(who party, n int64) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	group, free := who.group(), q.max-q.held
	switch {
	case n > free, q.by[group]+n > 3*free:
		return false
	case who != group && q.by[who]+n > max(q.max/addressPart, 1):
		return false
	}
	q.add(who, n)
	return true
}

// give gives n back that the party has taken.
func (q *quota) give(who party, n int64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.add(who, -n)
}

func (q *quota) add(who party, n int64) {
	q.held += n
	q.count(who.group(), n)
	if who != who.group() {
		q.count(who, n)
	}
}

// count forgets a party that holds nothing.
func (q *quota) count(who party, n int64) {
	if q.by[who] += n; q.by[who] == 0 {
		delete(q.by, who)
	}
}

// loan is what one request has of a quota. The zero value has nothing, and may
// not take any. It is not safe for concurrent use.
type loan struct {
	of   *quota
	who  party
	held int64
}

// grow makes the loan n, or leaves it and reports false. It never shrinks.
func (l *loan) grow(n int64) bool {
	if n <= l.held {
		return true
	}
	if l.of == nil || !l.of.take(l.who, n-l.held) {
		return false
	}
	l.held = n
	return true
}

// end gives everything back; ending twice is fine.
func (l *loan) end() {
	if l.held > 0 {
		l.of.give(l.who, l.held)
		l.held = 0
	}
}
