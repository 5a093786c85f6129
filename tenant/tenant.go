// Package tenant knows who is asking and what they may use: tenants, their
// keys, and the scope in storage that holds everything a tenant owns.
//
// Credentials decide the tenant; nothing in a request widens it. The package
// owns two global spaces: the keys by their ids, and each tenant's list of them.
package tenant

import (
	"errors"

	"github.com/carrelhq/carrel/storage"
)

// Default is the tenant of a server run by one person.
const Default = "default"

// ErrUnauthenticated is returned for a token that is malformed, unknown, revoked
// or expired; callers cannot tell which.
var ErrUnauthenticated = errors.New("tenant: no valid key")

// ErrInvalidName is returned for a name that [ValidName] refuses.
var ErrInvalidName = errors.New("tenant: names are 1 to 63 of a-z, 0-9 and -, not starting with -")

// ValidName reports whether name may name a tenant or an agent: [a-z0-9][a-z0-9-]{0,62}.
func ValidName(name string) bool {
	for i := range len(name) {
		letter := name[i] >= 'a' && name[i] <= 'z' || name[i] >= '0' && name[i] <= '9'
		if !letter && (name[i] != '-' || i == 0) {
			return false
		}
	}
	return len(name) >= 1 && len(name) <= 63
}

// Principal is an authenticated caller.
type Principal struct {
	// Tenant is the tenant the key belongs to; empty for the operator.
	Tenant string
	// Operator is true for the operator key, which spans tenants.
	Operator bool
	// KeyID names the key in lists and logs; it is not secret.
	KeyID string
}

// May reports whether the principal acts for the tenant.
func (p Principal) May(tenant string) bool {
	return p.Operator || (p.Tenant != "" && p.Tenant == tenant)
}

// ScopeKey is the prefix of all records of the tenant.
func ScopeKey(tenant string) storage.Key { return scopes.Str(tenant) }

var scopes = storage.NewKey("tenant")

// Next returns the first tenant after name, in the order of their names, that has
// any record; "" when there is none. It passes over a tenant's records at once.
func Next(root storage.Tx, name string) (string, error) {
	var after storage.Key
	if name != "" {
		after = append(ScopeKey(name), 0xFF) // names of spaces are ASCII
	}
	for item, err := range root.Scan(scopes, after) {
		if err != nil {
			return "", err
		}
		key := storage.ReadKey(item.Key)
		key.Str()
		return key.Str(), nil
	}
	return "", nil
}

// Scope returns the part of the root DB that holds the tenant's records.
func Scope(root storage.DB, tenant string) storage.DB {
	return storage.Scope(root, ScopeKey(tenant))
}

// ScopeTx is [Scope] for a transaction of the root DB.
func ScopeTx(root storage.Tx, tenant string) storage.Tx {
	return storage.ScopeTx(root, ScopeKey(tenant))
}
