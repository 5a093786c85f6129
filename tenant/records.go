package tenant

import (
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/carrelhq/carrel/storage"
)

// keyRecord is a key with the hash of its token. A plain SHA-256 is enough: the
// secret has 160 random bits, so there is nothing to guess that a slow hash would protect.
type keyRecord struct {
	Key
	Operator bool   `json:"operator,omitempty"`
	Hash     []byte `json:"hash"`
}

var (
	recordKeys = storage.NewKey("key")
	memberKeys = storage.NewKey("tenant-key")
)

func recordKey(id string) storage.Key   { return recordKeys.Str(id) }
func listKey(tenant string) storage.Key { return memberKeys.Str(tenant) }
func memberKey(tenant, id string) storage.Key {
	return memberKeys.With(storage.Str(tenant), storage.Str(id))
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

// errTaken is returned for a new record whose id another key has: ids are short
// enough to meet by chance, and one tenant's key must not replace another's.
var errTaken = errors.New("tenant: the key's id is taken")

func putRecord(tx storage.Tx, record keyRecord) error {
	if _, err := tx.Get(recordKey(record.ID)); !errors.Is(err, storage.ErrNotFound) {
		return cmp.Or(err, errTaken)
	}
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

func deleteRecord(tx storage.Tx, tenant, id string) error {
	if err := tx.Delete(recordKey(id)); err != nil {
		return err
	}
	return tx.Delete(memberKey(tenant, id))
}

func (r keyRecord) expired() bool {
	return !r.Expires.IsZero() && !time.Now().Before(r.Expires)
}

// makeRoom lets a tenant that has all the keys it may have forget the expired ones.
func makeRoom(tx storage.Tx, tenant string) error {
	ids, err := keyIDs(tx, tenant)
	if err != nil || len(ids) < MaxKeys {
		return err
	}
	room := false
	for _, id := range ids {
		record, err := getRecord(tx, id)
		if err != nil {
			return err
		}
		if !record.expired() {
			continue
		}
		if err := deleteRecord(tx, tenant, id); err != nil {
			return err
		}
		room = true
	}
	if !room {
		return ErrTooManyKeys
	}
	return nil
}

// hasOperator reports whether there is a valid operator key. Expired ones do not
// count: with nothing else left, nobody could make another.
func hasOperator(tx storage.Tx) (bool, error) {
	ids, err := keyIDs(tx, "")
	if err != nil {
		return false, err
	}
	for _, id := range ids {
		record, err := getRecord(tx, id)
		if err != nil || !record.expired() {
			return err == nil, err
		}
	}
	return false, nil
}
