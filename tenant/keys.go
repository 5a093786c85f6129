package tenant

import (
	"context"
	"time"

	"github.com/carrelhq/carrel/storage"
)

// Key describes a key; its secret is not kept.
type Key struct {
	// ID is public; the token is "ck_" + ID + "_" + secret.
	ID string `json:"id"`
	// Tenant is empty for an operator key.
	Tenant string `json:"tenant,omitempty"`
	// Name is what its maker called it.
	Name    string    `json:"name,omitempty"`
	Created time.Time `json:"created"`
	// Expires is zero for a key that does not expire.
	Expires time.Time `json:"expires,omitzero"`
}

// Keys is the register of keys. It is safe for concurrent use.
type Keys struct {
	root storage.DB
}

// NewKeys returns the register kept in root.
func NewKeys(root storage.DB) *Keys { return &Keys{root: root} }

// KeySpec is what a new key is made from.
type KeySpec struct {
	// Tenant owns the key; empty with Operator.
	Tenant   string
	Operator bool
	Name     string
	// TTL is how long the key is valid; 0 is for ever.
	TTL time.Duration
}

// Create makes a key and returns it with its token, which is shown this once.
func (k *Keys) Create(ctx context.Context, spec KeySpec) (Key, string, error) {
	panic("not built")
}

// List returns the tenant's keys, oldest first; of the operator's for the empty tenant.
func (k *Keys) List(ctx context.Context, tenant string) ([]Key, error) { panic("not built") }

// Revoke deletes a key at once; storage.ErrNotFound when the tenant has none of that id.
func (k *Keys) Revoke(ctx context.Context, tenant, id string) error { panic("not built") }

// Authenticate returns whose token it is, or ErrUnauthenticated. It compares in constant time.
func (k *Keys) Authenticate(ctx context.Context, token string) (Principal, error) {
	panic("not built")
}

// EnsureOperator makes the operator key on the first start. On later starts
// token is empty. When the store has an operator key already, nothing changes.
func (k *Keys) EnsureOperator(ctx context.Context) (token string, err error) { panic("not built") }
