package runtime

import (
	"sync"

	"github.com/carrelhq/carrel/runtime/image"
	"github.com/carrelhq/carrel/runtime/share"
)

// charges are what a module takes of the accounts beside its sandboxes: a tenant's
// while somebody uses the module, and nobody's while nobody does, when it may be
// unloaded. They are guarded by engine.mu.
type charges struct {
	tenant      string // that uses the module, or did last
	code, image *share.Grant
}

// own is called when somebody begins to use a module that nobody used.
func (c *charges) own(tenant string) {
	c.tenant = tenant
	c.code.Own(tenant)
	c.image.Own(tenant)
}

func (c *charges) disown() {
	c.code.Disown()
	c.image.Disown()
}

// charge notes what a module has been granted: one of the grants is not nil.
func (m *Module) charge(code, image *share.Grant) {
	e := m.engine
	e.mu.Lock()
	defer e.mu.Unlock()
	if code != nil {
		m.charges.code = code
	}
	if image != nil {
		m.charges.image = image
	}
	if m.users == 0 {
		m.charges.disown()
	}
}

// user is the tenant whose module it is at the moment.
func (m *Module) user() string {
	m.engine.mu.Lock()
	defer m.engine.mu.Unlock()
	return m.charges.tenant
}

// snapshotAccount is the account of a module's snapshot: it is the module's user's
// among all snapshots, and nobody's among all memory. It is an image.Account.
type snapshotAccount struct {
	of *Module

	mu     sync.Mutex
	grants []*share.Grant
}

var _ image.Account = (*snapshotAccount)(nil)

// Reserve implements image.Account.
func (s *snapshotAccount) Reserve(bytes int) bool {
	e := s.of.engine
	among, ok := e.images.Try(s.of.user(), int64(bytes))
	if !ok {
		return false
	}
	memory, ok := e.memory.Idle(int64(bytes))
	if !ok {
		among.Release()
		return false
	}
	s.of.charge(nil, among)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.grants = []*share.Grant{among, memory}
	return true
}

// Release implements image.Account.
func (s *snapshotAccount) Release(int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, g := range s.grants {
		g.Release()
	}
}
