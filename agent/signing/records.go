package signing

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/carrelhq/carrel/storage"
)

var recordKey = storage.NewKey("card-keys")

type record struct {
	Changed time.Time `json:"changed"`
	// Keys are the keys, newest first.
	Keys []keyRecord `json:"keys"`
}

type keyRecord struct {
	Created time.Time       `json:"created"`
	Public  jose.JSONWebKey `json:"public"`
	// Sealed is the private part (PKCS #8), encrypted for the place that ID names.
	Sealed []byte `json:"sealed"`
}

// newest is the index of the newest key that signs, -1 when there is none.
func (r *Ring) newest() int {
	return slices.IndexFunc(r.keys, func(k ringKey) bool { return k.Signs })
}

func decodeRecord(value []byte) (r record, err error) {
	if value == nil {
		return record{}, nil
	}
	if err := json.Unmarshal(value, &r); err != nil {
		return record{}, fmt.Errorf("signing: record of the keys: %w", err)
	}
	return r, nil
}

// open makes a ring of a record, nil for none.
func (k *Keys) open(value []byte) (*Ring, error) {
	r, err := decodeRecord(value)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(value)
	ring := &Ring{name: hex.EncodeToString(sum[:8]), changed: r.Changed}
	for _, stored := range r.Keys {
		key := ringKey{CardKey: stored.key(), public: stored.Public}
		if secret, err := k.secrets.Open(stored.Sealed, place(key.ID)); err != nil {
			key.Signs = false
		} else if key.private, err = parsePrivate(secret); err != nil {
			return nil, err
		}
		ring.keys = append(ring.keys, key)
	}
	return ring, ring.complete()
}

func (r keyRecord) key() CardKey {
	return CardKey{ID: r.Public.KeyID, Algorithm: r.Public.Algorithm, Created: r.Created, Signs: true}
}

// fresh makes a key. Its id can be given to a command: what begins with a dash
// would be taken for a flag there.
func (k *Keys) fresh() (keyRecord, error) {
	key, secret, err := newKey(time.Now().UTC())
	for err == nil && key.ID[0] == '-' {
		key, secret, err = newKey(time.Now().UTC())
	}
	if err != nil {
		return keyRecord{}, err
	}
	return keyRecord{Created: key.Created, Public: key.public, Sealed: k.secrets.Seal(secret, place(key.ID))}, nil
}

func place(id string) []byte { return []byte("card-key/" + id) }
