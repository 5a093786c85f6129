package tenant

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/carrelhq/carrel/storage"
)

// MaxKeys bounds the keys of a tenant.
const MaxKeys = 1000

// ErrTooManyKeys is returned by Create for a tenant that has [MaxKeys].
var ErrTooManyKeys = errors.New("tenant: too many keys; revoke some")

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
//
// A key's record lies in the global space "key" under its id, and its id in the
// space "tenant-key" under its tenant; the operator's are those of tenant "".
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
	// Name is for people, 200 bytes at most.
	Name string
	// TTL is how long the key is valid; 0 is for ever.
	TTL time.Duration
}

func (s KeySpec) check() error {
	switch {
	case s.Operator && s.Tenant != "":
		return errors.New("tenant: an operator key belongs to no tenant")
	case !s.Operator && !ValidName(s.Tenant):
		return fmt.Errorf("tenant %q: %w", s.Tenant, ErrInvalidName)
	case len(s.Name) > 200:
		return errors.New("tenant: a key's name is 200 bytes at most")
	case s.TTL < 0:
		return errors.New("tenant: a key's time to live must not be negative")
	}
	return nil
}

// Create makes a key and returns it with its token, which is shown this once.
func (k *Keys) Create(ctx context.Context, spec KeySpec) (Key, string, error) {
	if err := spec.check(); err != nil {
		return Key{}, "", err
	}
	return k.insert(ctx, spec, nil, func(tx storage.Tx) error { return makeRoom(tx, spec.Tenant) })
}

// insert writes a new key once may agrees, in the same update, after keep has its
// token; keep may be nil.
func (k *Keys) insert(ctx context.Context, spec KeySpec, keep func(token string) error, may func(storage.Tx) error) (Key, string, error) {
	for {
		record, token := newRecord(spec)
		if keep != nil {
			if err := keep(token); err != nil {
				return Key{}, "", err
			}
		}
		err := k.root.Update(ctx, func(tx storage.Tx) error {
			if err := may(tx); err != nil {
				return err
			}
			return putRecord(tx, record)
		})
		if err == nil {
			return record.Key, token, nil
		}
		if !errors.Is(err, errTaken) {
			return Key{}, "", err
		}
	}
}

// List returns the tenant's keys, oldest first; of the operator's for the empty tenant.
func (k *Keys) List(ctx context.Context, tenant string) ([]Key, error) {
	var keys []Key
	err := k.root.View(ctx, func(tx storage.Tx) error {
		ids, err := keyIDs(tx, tenant)
		if err != nil {
			return err
		}
		for _, id := range ids {
			record, err := getRecord(tx, id)
			if err != nil {
				return err
			}
			keys = append(keys, record.Key)
		}
		return nil
	})
	slices.SortFunc(keys, func(a, b Key) int {
		return cmp.Or(a.Created.Compare(b.Created), cmp.Compare(a.ID, b.ID))
	})
	return keys, err
}

// Revoke deletes a key at once; storage.ErrNotFound when the tenant has none of that id.
func (k *Keys) Revoke(ctx context.Context, tenant, id string) error {
	if len(id) != idLength {
		return fmt.Errorf("key: %w", storage.ErrNotFound)
	}
	return k.root.Update(ctx, func(tx storage.Tx) error {
		if _, err := tx.Get(memberKey(tenant, id)); err != nil {
			return fmt.Errorf("key %s: %w", id, err)
		}
		return deleteRecord(tx, tenant, id)
	})
}

// Authenticate returns whose token it is, or ErrUnauthenticated. It compares in
// constant time and reads one record, so a revoked key ends with the Revoke.
func (k *Keys) Authenticate(ctx context.Context, token string) (Principal, error) {
	id, ok := tokenID(token)
	if !ok {
		return Principal{}, ErrUnauthenticated
	}
	var record keyRecord
	err := k.root.View(ctx, func(tx storage.Tx) (err error) {
		record, err = getRecord(tx, id)
		return err
	})
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return Principal{}, err
	}
	hash := sha256.Sum256([]byte(token))
	if err != nil || subtle.ConstantTimeCompare(hash[:], record.Hash) != 1 || record.expired() {
		return Principal{}, ErrUnauthenticated
	}
	return Principal{Tenant: record.Tenant, Operator: record.Operator, KeyID: record.ID}, nil
}

// EnsureOperator makes an operator key when the store has none that is valid, as
// on the first start; token is empty otherwise, and nothing changes. keep, unless
// nil, puts the token where it lasts before the store has the key: a crash in
// between leaves a token that opens nothing, and the next start makes another. It
// is called again for another token when the first cannot be used.
func (k *Keys) EnsureOperator(ctx context.Context, keep func(token string) error) (token string, err error) {
	none := func(tx storage.Tx) error {
		found, err := hasOperator(tx)
		if found {
			return errFound
		}
		return err
	}
	err = k.root.View(ctx, none)
	if err == nil {
		_, token, err = k.insert(ctx, KeySpec{Operator: true, Name: "operator"}, keep, none)
	}
	if errors.Is(err, errFound) {
		return "", nil
	}
	return token, err
}

// errFound says that there is an operator key.
var errFound = errors.New("tenant: there is an operator key")
