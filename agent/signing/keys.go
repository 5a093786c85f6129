package signing

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/carrelhq/carrel/storage"
)

// Secrets encrypts what is stored. place says where it is kept, and is needed to open it.
type Secrets interface {
	Seal(plain, place []byte) []byte
	Open(sealed, place []byte) ([]byte, error)
}

// Keys is the register of the keys that sign cards. It is safe for concurrent
// use, and for several servers on one store.
//
// All keys lie in one record, at the global key "card-keys".
type Keys struct {
	root    storage.DB
	secrets Secrets

	mu   sync.RWMutex
	last *Ring
	// read is the record that last was made of.
	read []byte
}

// NewKeys returns the register kept in root. Ensure makes its first key.
func NewKeys(root storage.DB, secrets Secrets) *Keys { return &Keys{root: root, secrets: secrets} }

// Ring returns the keys there are. It is cheap enough for every request.
func (k *Keys) Ring(ctx context.Context) (*Ring, error) {
	var value []byte
	err := k.root.View(ctx, func(tx storage.Tx) (err error) {
		value, err = tx.Get(recordKey)
		return err
	})
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return nil, err
	}
	k.mu.RLock()
	last, known := k.last, bytes.Equal(k.read, value)
	k.mu.RUnlock()
	if last != nil && known {
		return last, nil
	}
	ring, err := k.open(value)
	if err != nil {
		return nil, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.last, k.read = ring, value
	return ring, nil
}

// Ensure makes a key when there is none that signs, as on the first start, and
// returns the newest one that does; made says that it is new. Keys that cannot
// be opened make room when there is no other.
func (k *Keys) Ensure(ctx context.Context) (key CardKey, made bool, err error) {
	ring, err := k.Ring(ctx)
	if err != nil {
		return CardKey{}, false, err
	}
	if i := ring.newest(); i >= 0 {
		return ring.keys[i].CardKey, false, nil
	}
	fresh, err := k.fresh()
	if err != nil {
		return CardKey{}, false, err
	}
	err = k.change(ctx, func(r *record, now *Ring) error {
		if i := now.newest(); i >= 0 {
			key = now.keys[i].CardKey
			return errQuicker
		}
		r.Keys = append([]keyRecord{fresh}, r.Keys[:min(len(r.Keys), MaxKeys-1)]...)
		return nil
	})
	switch {
	case errors.Is(err, errQuicker):
		return key, false, nil
	case err != nil:
		return CardKey{}, false, err
	}
	return fresh.key(), true, nil
}

// errQuicker is why another server's key is left as it is.
var errQuicker = errors.New("signing: there is a key")

// Rotate makes a new key, which signs from now on beside those there are;
// ErrTooManyKeys when there are [MaxKeys].
func (k *Keys) Rotate(ctx context.Context) (CardKey, error) {
	fresh, err := k.fresh()
	if err != nil {
		return CardKey{}, err
	}
	err = k.change(ctx, func(r *record, _ *Ring) error {
		if len(r.Keys) >= MaxKeys {
			return ErrTooManyKeys
		}
		r.Keys = append([]keyRecord{fresh}, r.Keys...)
		return nil
	})
	if err != nil {
		return CardKey{}, err
	}
	return fresh.key(), nil
}

// Retire deletes a key: it signs no more, and what it has signed verifies no
// more. ErrNotFound when there is none of that id, ErrLastKey for the newest
// that signs.
func (k *Keys) Retire(ctx context.Context, id string) error {
	return k.change(ctx, func(r *record, now *Ring) error {
		i := slices.IndexFunc(r.Keys, func(k keyRecord) bool { return k.Public.KeyID == id })
		switch {
		case i < 0:
			return ErrNotFound
		case i == now.newest():
			return ErrLastKey
		}
		r.Keys = slices.Delete(r.Keys, i, i+1)
		return nil
	})
}

// change changes the record, unless fn returns an error.
func (k *Keys) change(ctx context.Context, fn func(*record, *Ring) error) error {
	return k.root.Update(ctx, func(tx storage.Tx) error {
		value, err := tx.Get(recordKey)
		if err != nil && !errors.Is(err, storage.ErrNotFound) {
			return err
		}
		r, err := decodeRecord(value)
		if err != nil {
			return err
		}
		now, err := k.open(value)
		if err != nil {
			return err
		}
		if err := fn(&r, now); err != nil {
			return err
		}
		r.Changed = time.Now().UTC()
		if value, err = json.Marshal(r); err != nil {
			return err
		}
		return tx.Set(recordKey, value)
	})
}
