package runtime

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/carrelhq/carrel/runtime/share"
)

// errNoMemory is returned when all sandboxes together may not have more.
var errNoMemory = errors.New("runtime: no memory for another sandbox")

// openAccounts divides memory among tenants. Sandboxes and snapshots share one
// account, of which snapshots may have half: sandboxes are waited for and so
// always get room in the end, a snapshot is done without where there is none.
func (e *Engine) openAccounts() {
	all := e.opts.AllMemoryBytes
	waited := e.metrics().MemoryWaitSeconds
	e.memory = share.New(share.Options{
		Most: all, Each: e.opts.TenantMemoryBytes, MakeRoom: e.makeRoom, Waited: func(d time.Duration) { waited.Observe(d) },
	})
	unload := func(enough func() bool) { e.unload(enough) }
	e.images = share.New(share.Options{Most: all / 2, MakeRoom: unload})
	e.loaded = share.New(share.Options{Most: e.opts.ModuleBytes, MakeRoom: unload})
}

// holding is the account of one instance's memory. A run has as much granted from
// its beginning as it is known to need, and an idle instance what it is charged
// with. It is an image.Account.
//
// It remembers a refusal: memory.grow must not fail because of what others have,
// so the run ends instead.
type holding struct {
	tenant  string // who made the instance
	refused atomic.Bool

	mu      sync.Mutex
	grant   *share.Grant
	floor   int64 // granted whatever is charged
	charged int64
	wanted  int64 // what was refused
}

// begin has an idle instance live on what a run was granted.
func (h *holding) begin(run *holding) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.grant.Release()
	h.tenant, h.grant, h.floor = run.tenant, run.grant, run.floor
}

// claim is begin for who does not wait: it reports whether there was as much.
func (h *holding) claim(tenant string, need int64) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.grant.Claim(tenant, need) {
		return false
	}
	h.tenant, h.floor = tenant, need
	return true
}

// rest makes nobody's what the instance keeps between runs.
func (h *holding) rest() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.floor = 0
	h.grant.Rest(h.charged)
}

// end gives everything back, after the memory is freed.
func (h *holding) end() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.grant.Release()
}

// Reserve implements image.Account.
func (h *holding) Reserve(bytes int) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	want := h.charged + int64(bytes)
	if want > h.floor && !h.grant.Resize(want) {
		h.wanted = want
		h.refused.Store(true)
		return false
	}
	h.charged = want
	return true
}

// Release implements image.Account.
func (h *holding) Release(bytes int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	before := max(h.charged, h.floor)
	h.charged -= int64(bytes)
	if after := max(h.charged, h.floor); after != before {
		h.grant.Resize(after)
	}
}
