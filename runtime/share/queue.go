package share

import "slices"

// enter finds or makes the tenant's holder. It is called with mu held.
func (a *Account) enter(tenant string) *holder {
	h := a.holders[tenant]
	if h == nil {
		h = &holder{name: tenant}
		a.holders[tenant] = h
		a.touch(h)
	}
	return h
}

// leave forgets a tenant that neither holds nor wants anything. It is called with mu held.
func (a *Account) leave(h *holder) {
	if h.grants == 0 && len(h.queue) == 0 {
		delete(a.holders, h.name)
	}
}

// serve gives what is free to those who wait. What does not suffice for whose turn
// it is stays free until it does: a large request would never be served if small
// ones went before it. It is called with mu held, whenever that may have changed.
func (a *Account) serve() {
	for a.waiting > 0 {
		h := a.next()
		if h == nil || a.used+h.queue[0].units > a.opts.Most {
			return
		}
		r := h.queue[0]
		r.grant = a.hold(h, r.units)
		a.remove(r)
		close(r.done)
	}
}

// next is the tenant whose turn it is: which holds least of those that may have
// what they ask for, and of equals the one that has had nothing for longest.
func (a *Account) next() *holder {
	var first *holder
	for _, h := range a.holders {
		if len(h.queue) == 0 || !a.within(h, h.queue[0].units) {
			continue
		}
		if first == nil || h.used < first.used || h.used == first.used && h.turn < first.turn {
			first = h
		}
	}
	return first
}

// within reports whether a tenant may hold more units than it does.
func (a *Account) within(h *holder, more int64) bool {
	return h.used == 0 || h.used+more <= a.opts.Each
}

// touch puts a tenant behind all others that hold as much. It is called with mu held.
func (a *Account) touch(h *holder) {
	a.turns++
	h.turn = a.turns
}

// hold counts units as the holder's. It is called with mu held.
func (a *Account) hold(h *holder, units int64) *Grant {
	a.touch(h)
	a.used += units
	h.used += units
	h.grants++
	return &Grant{account: a, of: h, units: units}
}

// withdraw ends a request of somebody who does not wait any longer, and gives back
// what it got at the same moment.
func (a *Account) withdraw(r *request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case r.grant != nil:
		r.grant.release()
	case r.err == nil:
		a.remove(r)
	}
	a.serve() // perhaps it stood before others
}

// remove takes a request out of its queue. It is called with mu held.
func (a *Account) remove(r *request) {
	i := slices.Index(r.of.queue, r)
	r.of.queue = slices.Delete(r.of.queue, i, i+1)
	a.waiting--
	a.leave(r.of)
}
