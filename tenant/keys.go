package tenant

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
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

// keyRecord is a key with the hash of its token. A plain SHA-256 is enough: the
// secret has 160 random bits, so there is nothing to guess that a slow hash would protect.
type keyRecord struct {
	Key
	Operator bool   `json:"operator,omitempty"`
	Hash     []byte `json:"hash"`
}

func recordKey(id string) storage.Key         { return storage.NewKey("key").Str(id) }
func listKey(tenant string) storage.Key       { return storage.NewKey("tenant-key").Str(tenant) }
func memberKey(tenant, id string) storage.Key { return listKey(tenant).Str(id) }

// Create makes a key and returns it with its token, which is shown this once.
func (k *Keys) Create(ctx context.Context, spec KeySpec) (Key, string, error) {
	if err := spec.check(); err != nil {
		return Key{}, "", err
	}
	record, token := newRecord(spec)
	err := k.root.Update(ctx, func(tx storage.Tx) error {
		ids, err := keyIDs(tx, spec.Tenant)
		if err != nil {
			return err
		}
		if len(ids) >= MaxKeys {
			return ErrTooManyKeys
		}
		return putRecord(tx, record)
	})
	if err != nil {
		return Key{}, "", err
	}
	return record.Key, token, nil
}

func newRecord(spec KeySpec) (keyRecord, string) {
	id, token := newToken()
	hash := sha256.Sum256([]byte(token))
	record := keyRecord{
		Key:      Key{ID: id, Tenant: spec.Tenant, Name: spec.Name, Created: time.Now().UTC()},
		Operator: spec.Operator,
		Hash:     hash[:],
	}
	if spec.TTL > 0 {
		record.Expires = record.Created.Add(spec.TTL)
	}
	return record, token
}

func putRecord(tx storage.Tx, record keyRecord) error {
	value, err := json.Marshal(record)
	if err != nil {
		return err
	}
	if err := tx.Set(recordKey(record.ID), value); err != nil {
		return err
	}
	return tx.Set(memberKey(record.Tenant, record.ID), nil)
}

func getRecord(tx storage.Tx, id string) (record keyRecord, err error) {
	value, err := tx.Get(recordKey(id))
	if err != nil {
		return record, err
	}
	if err := json.Unmarshal(value, &record); err != nil {
		return record, fmt.Errorf("tenant: record of key %s: %w", id, err)
	}
	return record, nil
}

func keyIDs(tx storage.Tx, tenant string) (ids []string, err error) {
	prefix := listKey(tenant)
	for item, err := range tx.Scan(prefix, nil) {
		if err != nil {
			return nil, err
		}
		r := storage.ReadKey(item.Key[len(prefix):])
		ids = append(ids, r.Str())
		if err := r.Err(); err != nil {
			return nil, err
		}
	}
	return ids, nil
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
	return k.root.Update(ctx, func(tx storage.Tx) error {
		if _, err := tx.Get(memberKey(tenant, id)); err != nil {
			return fmt.Errorf("key %s: %w", id, err)
		}
		if err := tx.Delete(recordKey(id)); err != nil {
			return err
		}
		return tx.Delete(memberKey(tenant, id))
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

func (r keyRecord) expired() bool {
	return !r.Expires.IsZero() && !time.Now().Before(r.Expires)
}

// EnsureOperator makes the operator key on the first start. On later starts
// token is empty. When the store has an operator key already, nothing changes.
func (k *Keys) EnsureOperator(ctx context.Context) (token string, err error) {
	record, fresh := newRecord(KeySpec{Operator: true, Name: "operator"})
	err = k.root.Update(ctx, func(tx storage.Tx) error {
		token = ""
		ids, err := keyIDs(tx, "")
		if err != nil || len(ids) > 0 {
			return err
		}
		token = fresh
		return putRecord(tx, record)
	})
	if err != nil {
		return "", err
	}
	return token, nil
}
