package storagetest

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"sync"
	"sync/atomic"

	"github.com/carrelhq/carrel/storage"
)

// Memory returns the reference store: an immutable tree in memory, replaced by
// every update. It keeps nothing over a restart, is obviously right, and passes
// the suite.
func Memory() storage.DB { return &memory{} }

type memory struct {
	turn    sync.Mutex // serializes updates
	running atomic.Int32

	mu     sync.Mutex
	items  *tree
	closed bool
}

func (m *memory) View(ctx context.Context, fn func(storage.Tx) error) error {
	if m.nested() {
		return storage.ErrNested
	}
	items, err := m.snapshot(ctx)
	if err != nil {
		return err
	}
	return fn(&memoryTx{items: items, readOnly: true})
}

func (m *memory) UpdateLater(ctx context.Context, fn func(storage.Tx) error) (wait func() error, err error) {
	if err := m.Update(ctx, fn); err != nil {
		return nil, err
	}
	return func() error { return nil }, nil
}

func (m *memory) Update(ctx context.Context, fn func(storage.Tx) error) error {
	if m.nested() {
		return storage.ErrNested
	}
	m.turn.Lock()
	defer m.turn.Unlock()
	items, err := m.snapshot(ctx)
	if err != nil {
		return err
	}
	tx := &memoryTx{items: items}
	if err := m.call(tx, fn); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.items = tx.items
	return nil
}

func (m *memory) call(tx *memoryTx, fn func(storage.Tx) error) error {
	m.running.Store(1)
	defer m.running.Store(0)
	if err := storage.CallUpdate(tx, fn); err != nil {
		return err
	}
	return tx.err
}

func (m *memory) nested() bool { return m.running.Load() > 0 && storage.InUpdate() }

func (m *memory) snapshot(ctx context.Context) (*tree, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil, storage.ErrClosed
	}
	return m.items, context.Cause(ctx)
}

func (m *memory) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	return nil
}

type memoryTx struct {
	items    *tree
	readOnly bool
	bytes    int
	count    int
	err      error // sticks: an update above the limits leaves nothing
}

func (t *memoryTx) Get(key []byte) ([]byte, error) {
	if value, ok := t.items.get(key); ok {
		return value, nil
	}
	return nil, storage.ErrNotFound
}

func (t *memoryTx) Set(key, value []byte) error {
	if err := t.admit(key, value); err != nil {
		return err
	}
	if value == nil {
		value = []byte{}
	}
	t.items = t.items.put(storage.Item{Key: key, Value: value})
	return nil
}

func (t *memoryTx) Delete(key []byte) error {
	if err := t.admit(key, nil); err != nil {
		return err
	}
	t.items = t.items.without(key)
	return nil
}

func (t *memoryTx) Add(key []byte, delta int64) error {
	if t.readOnly {
		return storage.ErrReadOnly
	}
	n, err := storage.Counter(t, key)
	if err != nil {
		return err
	}
	return t.Set(key, storage.EncodeCounter(n+delta))
}

// admit holds a write to the limits.
func (t *memoryTx) admit(key, value []byte) error {
	if t.readOnly {
		return storage.ErrReadOnly
	}
	t.bytes += len(key) + len(value)
	t.count++
	if len(key) > storage.MaxKey || len(value) > storage.MaxValue ||
		t.bytes > storage.MaxUpdateBytes || t.count > storage.MaxUpdateKeys {
		t.err = fmt.Errorf("%w: write %d of %d bytes in %d", storage.ErrTooLarge, t.count, len(key)+len(value), t.bytes)
	}
	return t.err
}

func (t *memoryTx) Scan(prefix, after []byte) iter.Seq2[storage.Item, error] {
	return func(yield func(storage.Item, error) bool) {
		from := prefix
		if bytes.Compare(after, from) > 0 {
			from = after
		}
		t.items.ascend(from, func(item storage.Item) bool {
			if after != nil && bytes.Equal(item.Key, after) {
				return true
			}
			return bytes.HasPrefix(item.Key, prefix) && yield(item, nil)
		})
	}
}
