package storagetest

import (
	"bytes"
	"context"
	"iter"
	"slices"
	"sync"

	"github.com/carrelhq/carrel/storage"
)

// Memory returns the reference store: a sorted slice in memory, replaced whole by
// every update. It is slow with many keys and obviously right, and it passes the suite.
func Memory() storage.DB { return &memory{} }

type memory struct {
	mu     sync.Mutex // serializes updates
	state  sync.RWMutex
	items  []storage.Item // sorted; never changed in place
	closed bool
}

func (m *memory) snapshot() ([]storage.Item, error) {
	m.state.RLock()
	defer m.state.RUnlock()
	if m.closed {
		return nil, storage.ErrClosed
	}
	return m.items, nil
}

func (m *memory) View(ctx context.Context, fn func(storage.Tx) error) error {
	items, err := m.snapshot()
	if err != nil {
		return err
	}
	return fn(&memoryTx{base: items, readOnly: true})
}

func (m *memory) UpdateLater(ctx context.Context, fn func(storage.Tx) error) error {
	return m.Update(ctx, fn)
}

func (m *memory) Update(ctx context.Context, fn func(storage.Tx) error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := context.Cause(ctx); err != nil {
		return err
	}
	items, err := m.snapshot()
	if err != nil {
		return err
	}
	tx := &memoryTx{base: items, writes: map[string][]byte{}}
	if err := fn(tx); err != nil {
		return err
	}
	next := tx.merged()
	m.state.Lock()
	defer m.state.Unlock()
	m.items = next
	return nil
}

func (m *memory) Close() error {
	m.state.Lock()
	defer m.state.Unlock()
	m.closed = true
	return nil
}

type memoryTx struct {
	base     []storage.Item
	writes   map[string][]byte // nil value: deleted
	bytes    int
	count    int
	readOnly bool
}

func find(items []storage.Item, key []byte) (int, bool) {
	return slices.BinarySearchFunc(items, key, func(it storage.Item, k []byte) int { return bytes.Compare(it.Key, k) })
}

func (t *memoryTx) Get(key []byte) ([]byte, error) {
	if value, ok := t.writes[string(key)]; ok {
		if value == nil {
			return nil, storage.ErrNotFound
		}
		return value, nil
	}
	if i, ok := find(t.base, key); ok {
		return t.base[i].Value, nil
	}
	return nil, storage.ErrNotFound
}

func (t *memoryTx) write(key, value []byte) error {
	if t.readOnly {
		return storage.ErrReadOnly
	}
	t.bytes += len(key) + len(value)
	t.count++
	if len(key) > storage.MaxKey || len(value) > storage.MaxValue || t.bytes > storage.MaxUpdateBytes || t.count > storage.MaxUpdateKeys {
		return storage.ErrTooLarge
	}
	t.writes[string(key)] = value
	return nil
}

func (t *memoryTx) Set(key, value []byte) error {
	if value == nil {
		value = []byte{}
	}
	return t.write(key, value)
}

func (t *memoryTx) Delete(key []byte) error { return t.write(key, nil) }

func (t *memoryTx) Add(key []byte, delta int64) error {
	n, err := storage.Counter(t, key)
	if err != nil {
		return err
	}
	return t.write(key, storage.EncodeCounter(n+delta))
}

func (t *memoryTx) Scan(prefix, after []byte) iter.Seq2[storage.Item, error] {
	return func(yield func(storage.Item, error) bool) {
		items := t.merged()
		i, _ := find(items, prefix)
		if after != nil {
			j, exact := find(items, after)
			if exact {
				j++
			}
			i = max(i, j)
		}
		for ; i < len(items) && bytes.HasPrefix(items[i].Key, prefix); i++ {
			if !yield(items[i], nil) {
				return
			}
		}
	}
}

// merged returns the base with the transaction's writes in it.
func (t *memoryTx) merged() []storage.Item {
	if len(t.writes) == 0 {
		return t.base
	}
	out := make([]storage.Item, 0, len(t.base)+len(t.writes))
	for _, it := range t.base {
		if _, ok := t.writes[string(it.Key)]; !ok {
			out = append(out, it)
		}
	}
	for key, value := range t.writes {
		if value != nil {
			out = append(out, storage.Item{Key: []byte(key), Value: value})
		}
	}
	slices.SortFunc(out, func(a, b storage.Item) int { return bytes.Compare(a.Key, b.Key) })
	return out
}
