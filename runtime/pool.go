package runtime

import (
	"cmp"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// pool has the clean instances of one module that nobody uses. They are never
// shared between modules, and so never between tenants' versions.
type pool struct {
	mu     sync.Mutex
	idle   []*instance // the last used last
	fewest int         // idle ones that nobody has needed since the last trim
	closed bool

	lastReset atomic.Int64 // nanoseconds

	making  chan struct{} // held by who makes the snapshot
	settled atomic.Pointer[settled]
}

// settled is how a module's sandboxes are made.
type settled struct {
	state  *snapshot // nil when there is none
	reason string    // why there will be none
}

// maxIdle bounds the idle instances of one module.
const maxIdle = 64

func newPool() *pool {
	p := &pool{making: make(chan struct{}, 1)}
	p.settle(nil, "")
	return p
}

// take returns an idle instance, nil when there is none.
func (p *pool) take() *instance {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := len(p.idle)
	if n == 0 {
		p.fewest = 0
		return nil
	}
	in := p.idle[n-1]
	p.idle = p.idle[:n-1]
	p.fewest = min(p.fewest, n-1)
	return in
}

// put keeps a clean instance. It returns false when there are enough.
func (p *pool) put(in *instance) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || len(p.idle) >= maxIdle {
		return false
	}
	p.idle = append(p.idle, in)
	return true
}

// trim closes the instances that were not needed since the last trim, or all
// idle ones, and returns how many.
func (p *pool) trim(all bool) int {
	p.mu.Lock()
	n := p.fewest
	if all {
		n = len(p.idle)
	}
	gone := p.idle[:n:n]
	p.idle = p.idle[n:]
	p.fewest = len(p.idle)
	p.mu.Unlock()
	for _, in := range gone {
		in.close()
	}
	return n
}

// drop closes the instance that was used longest ago. It returns false when there
// is none.
func (p *pool) drop() bool {
	p.mu.Lock()
	if len(p.idle) == 0 {
		p.mu.Unlock()
		return false
	}
	in := p.idle[0]
	p.idle = slices.Delete(p.idle, 0, 1)
	p.fewest = min(p.fewest, len(p.idle))
	p.mu.Unlock()
	in.close()
	return true
}

// close closes the idle instances and lets go of the snapshot.
func (p *pool) close() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.trim(true)
	if state, _ := p.snapshot(); state != nil {
		state.image.Release()
	}
}

// snapshot returns the module's snapshot once it is made, nil with the reason
// when it cannot have one, and nil without a reason while there is none.
func (p *pool) snapshot() (*snapshot, string) {
	s := p.settled.Load()
	return s.state, s.reason
}

func (p *pool) settle(state *snapshot, reason string) { p.settled.Store(&settled{state, reason}) }

// shrinkEvery is how long an instance is kept that nobody needs.
const shrinkEvery = 15 * time.Second

// keepSmall closes idle instances that are not needed, until the engine is closed.
func (e *Engine) keepSmall() {
	ticker := time.NewTicker(shrinkEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			e.shrink(false)
		case <-e.ctx.Done():
			return
		}
	}
}

// shrink closes idle instances: all, or those not needed since it ran last. It
// returns how many.
func (e *Engine) shrink(all bool) (n int) {
	for _, p := range e.pools() {
		n += p.trim(all)
	}
	return n
}

// pools lists the pools of all modules, the last used last.
func (e *Engine) pools() (pools []*pool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	modules := slices.SortedFunc(maps.Values(e.modules), func(a, b *Module) int { return cmp.Compare(a.lastUsed, b.lastUsed) })
	for _, m := range modules {
		pools = append(pools, m.pool)
	}
	return pools
}

// makeRoom gives up memory that nobody uses until there is enough: idle instances,
// which are soon made again, and then modules with their snapshots.
func (e *Engine) makeRoom(enough func() bool) {
	for _, p := range e.pools() {
		for !enough() && p.drop() {
		}
	}
	e.unload(enough)
}
