package badgerdb

import (
	"errors"
	"fmt"
	"iter"

	badger "github.com/dgraph-io/badger/v4"

	"github.com/carrelhq/carrel/storage"
)

// dataSpace starts every key in Badger. It keeps our keys clear of Badger's own
// ("!badger!") and lets the empty key be one.
const dataSpace = 'd'

// snapshot is a state of the store: what Badger holds up to a timestamp, and
// the updates after it.
type snapshot struct {
	ts      uint64
	pending layers
}

// tx is a storage.Tx over a snapshot.
type tx struct {
	engine *badger.Txn
	cache  *cache
	base   layers
	own    *buffer // nil in a View
	seek   []byte  // scratch
}

func tooLarge(format string, args ...any) error {
	return fmt.Errorf("%w: %s", storage.ErrTooLarge, fmt.Sprintf(format, args...))
}

// Get implements storage.Tx.
func (t *tx) Get(key []byte) ([]byte, error) {
	if w, ok := t.pending(key); ok {
		return w.value, found(w.value)
	}
	ts := t.engine.ReadTs()
	if value, ok := t.cache.get(key, ts); ok {
		return value, found(value)
	}
	t.seek = append(append(t.seek[:0], dataSpace), key...)
	value, err := t.read(t.seek)
	if err != nil && !errors.Is(err, badger.ErrKeyNotFound) {
		return nil, err
	}
	t.cache.keep(key, value, ts)
	return value, found(value)
}

// found is the error for a value that there is not: nil is none.
func found(value []byte) error {
	if value == nil {
		return storage.ErrNotFound
	}
	return nil
}

// read returns Badger's value of key. Garbage collection of the value log may
// move a value between the look-up and the read; the second look-up finds it.
func (t *tx) read(key []byte) (value []byte, err error) {
	for range 2 {
		var item *badger.Item
		if item, err = t.engine.Get(key); err != nil {
			return nil, err
		}
		if value, err = item.ValueCopy(nil); err == nil {
			return present(value), nil
		}
	}
	return nil, fmt.Errorf("badgerdb: read a value: %w", err)
}

// present keeps an empty value apart from no value.
func present(value []byte) []byte {
	if value == nil {
		return []byte{}
	}
	return value
}

func (t *tx) pending(key []byte) (write, bool) {
	if t.own != nil {
		if i, ok := t.own.find(key); ok {
			return t.own.writes[i], true
		}
	}
	return t.base.get(key)
}

// Set implements storage.Tx.
func (t *tx) Set(key, value []byte) error { return t.put(write{key, present(value)}) }

// Delete implements storage.Tx.
func (t *tx) Delete(key []byte) error { return t.put(write{key: key}) }

// Add implements storage.Tx. Updates run one after another, so reading and
// writing the sum loses nothing.
func (t *tx) Add(key []byte, delta int64) error {
	if t.own == nil {
		return errView
	}
	sum, err := storage.Counter(t, key)
	if err != nil {
		return err
	}
	return t.Set(key, storage.EncodeCounter(sum+delta))
}

var errView = fmt.Errorf("%w: a write inside View", storage.ErrReadOnly)

func (t *tx) put(w write) error {
	if t.own == nil {
		return errView
	}
	return t.own.put(w)
}

// Scan implements storage.Tx.
func (t *tx) Scan(prefix, after []byte) iter.Seq2[storage.Item, error] {
	return func(yield func(storage.Item, error) bool) {
		pending := t.base.within(prefix, after)
		if t.own != nil {
			pending = merge(pending, t.own.layer().within(prefix, after))
		}
		below := t.iterate(prefix, after)
		defer below.close()
		for {
			item, ok, err := next(&pending, below)
			if err != nil {
				yield(storage.Item{}, err)
				return
			}
			if !ok || !yield(item, nil) {
				return
			}
		}
	}
}
