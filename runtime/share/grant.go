package share

// Grant is a hold on units. Its methods are safe for concurrent use. Own, Disown and
// Release do nothing on nil.
type Grant struct {
	account *Account

	// Guarded by account.mu.
	of    *holder // nil when it is no tenant's
	units int64
}

// Resize makes the units held that many, and reports whether it did. Fewer is
// always possible. More is had at once or not at all, for the holder of units
// cannot be made to wait for others that do the same. While others wait, a tenant
// gets no more this way than its equal part: what becomes free is theirs.
func (g *Grant) Resize(units int64) bool {
	a := g.account
	if g.resize(units) {
		return true
	}
	a.opts.MakeRoom(func() bool { return g.couldBe(units) })
	return g.resize(units)
}

func (g *Grant) resize(units int64) bool {
	a := g.account
	a.mu.Lock()
	defer a.mu.Unlock()
	return g.trySet(units)
}

// trySet changes the units held if they may be that many and are there. It is called
// with mu held.
func (g *Grant) trySet(units int64) bool {
	a := g.account
	if !g.may(units) || a.used+units-g.units > a.opts.Most {
		return false
	}
	g.set(units)
	return true
}

// couldBe reports whether there is no use in making more room for a size.
func (g *Grant) couldBe(units int64) bool {
	a := g.account
	a.mu.Lock()
	defer a.mu.Unlock()
	return !g.may(units) || a.used+units-g.units <= a.opts.Most
}

// may reports whether the tenant may have the grant at that size. It is called with mu held.
func (g *Grant) may(units int64) bool {
	a, h, more := g.account, g.of, units-g.units
	if more <= 0 || h == nil || h.used == g.units {
		return true
	}
	part := a.opts.Each
	if a.waiting > len(h.queue) {
		part = min(part, a.opts.Most/int64(len(a.holders)))
	}
	return h.used+more <= part
}

// Claim makes a grant that is nobody's a tenant's and of that many units, and reports
// whether it did: when they are free, and in no case before others that wait unless
// the tenant then has no more than an equal part, or holds nothing else.
func (g *Grant) Claim(tenant string, units int64) bool {
	a := g.account
	a.mu.Lock()
	defer a.mu.Unlock()
	g.own(a.enter(tenant))
	if !g.trySet(units) {
		g.disown()
		return false
	}
	return true
}

// Rest makes the grant nobody's, and of that many units, which are no more than it has.
func (g *Grant) Rest(units int64) {
	a := g.account
	a.mu.Lock()
	defer a.mu.Unlock()
	g.set(min(units, g.units))
	g.disown()
	a.serve() // whose they were may have more now
}

// Own makes the units a tenant's, even when it then holds more than it may.
func (g *Grant) Own(tenant string) {
	if g == nil {
		return
	}
	a := g.account
	a.mu.Lock()
	defer a.mu.Unlock()
	g.disown()
	if g.units == 0 {
		return // released
	}
	g.own(a.enter(tenant))
	a.serve() // whose they were may have more now
}

// Disown makes the units nobody's: what is kept because it may be of use again,
// and given up when there is not enough, is held against no tenant.
func (g *Grant) Disown() {
	if g == nil {
		return
	}
	a := g.account
	a.mu.Lock()
	defer a.mu.Unlock()
	g.disown()
	a.serve() // the tenant may have more now
}

// Release gives all units back. It may be called twice.
func (g *Grant) Release() {
	if g == nil {
		return
	}
	a := g.account
	a.mu.Lock()
	defer a.mu.Unlock()
	g.release()
	a.serve()
}

func (g *Grant) release() {
	g.set(0)
	g.disown()
}

// set changes the units held. It is called with mu held.
func (g *Grant) set(units int64) {
	a := g.account
	more := units - g.units
	g.units = units
	a.used += more
	if g.of != nil {
		g.of.used += more
		a.touch(g.of)
	}
	if more < 0 {
		a.serve()
	}
}

// own makes the grant of nobody the holder's. It is called with mu held.
func (g *Grant) own(h *holder) {
	g.of = h
	h.used += g.units
	h.grants++
}

// disown takes the grant from its tenant. It is called with mu held.
func (g *Grant) disown() {
	h := g.of
	if h == nil {
		return
	}
	h.used -= g.units
	h.grants--
	g.of = nil
	g.account.leave(h)
}
