package badgerdb

import (
	"bytes"
	"fmt"

	badger "github.com/dgraph-io/badger/v4"

	"github.com/carrelhq/carrel/storage"
)

// cursor walks the part of a scan that lies in Badger.
type cursor struct {
	it *badger.Iterator
}

// iterate starts a cursor at the first key that has prefix and is greater than after.
func (t *tx) iterate(prefix, after []byte) cursor {
	within := append([]byte{dataSpace}, prefix...)
	// Prefetching values starts a goroutine per item; most scans are short.
	it := t.engine.NewIterator(badger.IteratorOptions{Prefix: within})
	start := within
	if after != nil && bytes.Compare(after, prefix) >= 0 {
		start = append([]byte{dataSpace}, after...)
	}
	it.Seek(start)
	c := cursor{it}
	if key := c.key(); after != nil && key != nil && bytes.Equal(key, after) {
		it.Next()
	}
	return c
}

func (c cursor) close() { c.it.Close() }

// key returns the key under the cursor until it moves, or nil at the end.
func (c cursor) key() []byte {
	if !c.it.Valid() {
		return nil
	}
	return c.it.Item().Key()[1:]
}

// take returns the item under the cursor and moves on.
func (c cursor) take() (storage.Item, error) {
	item := c.it.Item()
	value, err := item.ValueCopy(nil)
	if err != nil {
		return storage.Item{}, fmt.Errorf("badgerdb: read a value: %w", err)
	}
	out := storage.Item{Key: item.KeyCopy(nil)[1:], Value: present(value)}
	c.it.Next()
	return out, nil
}

// next returns the smallest item of both sources; a pending write hides what
// Badger holds under its key.
func next(pending *layer, below cursor) (storage.Item, bool, error) {
	for len(*pending) > 0 {
		w := (*pending)[0]
		order := -1
		if key := below.key(); key != nil {
			order = bytes.Compare(w.key, key)
		}
		if order > 0 {
			break
		}
		if order == 0 {
			below.it.Next()
		}
		*pending = (*pending)[1:]
		if w.value != nil {
			return storage.Item{Key: w.key, Value: w.value}, true, nil
		}
	}
	if below.key() == nil {
		return storage.Item{}, false, nil
	}
	item, err := below.take()
	return item, err == nil, err
}
