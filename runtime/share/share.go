// Package share divides what there is a fixed number of, as bytes of memory or
// places to compile at, among tenants that want more of it together.
//
// A tenant that is alone may have nearly everything. When there is not enough for
// all, what becomes free goes to the tenant that holds least, and a tenant's own
// requests are served in the order in which they came. A part is kept from each
// tenant, so that one that comes new finds something free, however long the
// others hold what they have.
//
// The package knows nothing of what the units are, and takes nothing away: who
// holds units gives them back when it is done.
package share

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

var (
	// ErrNever is returned by Take for more units than there are.
	ErrNever = errors.New("share: more than there is")
	// ErrBusy is returned by Take when too many wait.
	ErrBusy = errors.New("share: too many wait")
)

// Options configure an Account. Zero values are replaced by the defaults given.
type Options struct {
	// Most is the number of units there are.
	Most int64
	// Each is the most that one tenant may hold (three quarters of Most, at least
	// 1). A tenant that holds nothing may have more, if it asks for that at once.
	Each int64
	// Queue is how many requests may wait (no bound). When one more comes, the last
	// request of the tenant that has most of them is turned away.
	Queue int
	// MakeRoom gives up units that nobody needs, until enough returns true or there
	// is nothing left to give up. It is called when there are too few, from several
	// goroutines at a time, without locks of the account.
	MakeRoom func(enough func() bool)
	// Waited, where set, is told how long each request waited that was not served
	// at once.
	Waited func(time.Duration)
}

// Account divides units. It is safe for concurrent use.
type Account struct {
	opts Options

	mu      sync.Mutex
	used    int64 // by tenants and by nobody
	waiting int
	turns   uint64
	holders map[string]*holder
}

// holder is a tenant that has something or waits for it.
type holder struct {
	name   string
	used   int64
	grants int        // that are not released, even those of no units
	turn   uint64     // when it was served last, or came
	queue  []*request // the oldest first
}

// request waits for units.
type request struct {
	of    *holder
	units int64
	grant *Grant
	err   error
	done  chan struct{} // closed when grant or err is set
}

// New returns an account of which nothing is used.
func New(opts Options) *Account {
	opts.Each = cmp.Or(opts.Each, max(opts.Most-(opts.Most+3)/4, 1))
	if opts.MakeRoom == nil {
		opts.MakeRoom = func(func() bool) {}
	}
	if opts.Waited == nil {
		opts.Waited = func(time.Duration) {}
	}
	return &Account{opts: opts, holders: map[string]*holder{}}
}

// Take waits for units for a tenant. It fails with ErrNever and ErrBusy at once,
// and with the cause of ctx when that ends first. The grant must be released.
func (a *Account) Take(ctx context.Context, tenant string, units int64) (*Grant, error) {
	if units > a.opts.Most {
		return nil, fmt.Errorf("%w: %d of %d", ErrNever, units, a.opts.Most)
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	g, r := a.ask(tenant, units)
	if r == nil {
		return g, nil
	}
	begin := time.Now()
	defer func() { a.opts.Waited(time.Since(begin)) }()
	a.opts.MakeRoom(func() bool { return !a.Short() })
	select {
	case <-r.done:
		return r.grant, r.err
	case <-ctx.Done():
		a.withdraw(r)
		return nil, context.Cause(ctx)
	}
}

// Try is Take for who does not wait. It does not go before others that do unless
// its tenant then has no more than an equal part.
func (a *Account) Try(tenant string, units int64) (*Grant, bool) {
	a.mu.Lock()
	g := a.hold(a.enter(tenant), 0)
	a.mu.Unlock()
	if g.Resize(units) {
		return g, true
	}
	g.Release()
	return nil, false
}

// Idle takes units that are no tenant's, when they are free.
func (a *Account) Idle(units int64) (*Grant, bool) {
	g := &Grant{account: a}
	return g, g.Resize(units)
}

// Used returns how many units are not free.
func (a *Account) Used() int64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.used
}

// Short reports whether somebody waits only because too few units are free.
func (a *Account) Short() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.waiting == 0 {
		return false
	}
	h := a.next()
	return h != nil && a.used+h.queue[0].units > a.opts.Most
}

// ask serves a tenant at once, or queues a request of it.
func (a *Account) ask(tenant string, units int64) (*Grant, *request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	h := a.enter(tenant)
	if a.waiting == 0 && a.within(h, units) && a.used+units <= a.opts.Most {
		return a.hold(h, units), nil
	}
	r := &request{of: h, units: units, done: make(chan struct{})}
	h.queue = append(h.queue, r)
	a.waiting++
	a.serve() // others may wait for their tenant's part, and this one not
	if r.grant != nil {
		return r.grant, nil
	}
	a.turnAway(r)
	return nil, r
}

// turnAway keeps the queue to its bound after a request came: it, or the last of a
// tenant that has more of them. It is called with mu held.
func (a *Account) turnAway(came *request) {
	if a.opts.Queue == 0 || a.waiting <= a.opts.Queue {
		return
	}
	longest := came.of
	for _, h := range a.holders {
		if len(h.queue) > len(longest.queue) {
			longest = h
		}
	}
	r := longest.queue[len(longest.queue)-1]
	a.remove(r)
	r.grant, r.err = nil, fmt.Errorf("%w: %d already", ErrBusy, a.opts.Queue)
	close(r.done)
}
