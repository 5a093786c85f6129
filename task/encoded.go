package task

import (
	"bytes"
	"context"
	"errors"
	"sync"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"

	"github.com/carrelhq/carrel/storage"
)

// Bounds of the encoded tasks that are kept, in bytes: of all, and of one.
const (
	encodedBytes = 8 << 20
	encodedMost  = 64 << 10
)

// encodedKey is what an encoded task depends on beside its records.
type encodedKey struct {
	ref     Ref
	id      string
	history int
	form    string
}

type encodedTask struct{ head, body []byte }

// encoded keeps tasks as they were answered: who waits for a task by asking again
// and again gets the same until it changes, and putting it together of its log and
// encoding it is half of what an answer costs. A log only grows, and each update
// that appends to it writes the head; so the head record makes an entry right
// whoever wrote it, and never out of date. Its zero value is ready; it is safe for
// concurrent use.
type encoded struct {
	mu    sync.RWMutex
	known map[encodedKey]encodedTask
	bytes int
}

func (c *encoded) get(key encodedKey, head []byte) ([]byte, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	e, ok := c.known[key]
	return e.body, ok && bytes.Equal(e.head, head)
}

// keep drops everything when there is no room, which is rare and soon made good.
func (c *encoded) keep(key encodedKey, e encodedTask) {
	size := len(e.head) + len(e.body)
	if size > encodedMost {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if old, ok := c.known[key]; ok {
		c.bytes -= len(old.head) + len(old.body)
	}
	if c.known == nil || c.bytes+size > encodedBytes {
		c.known, c.bytes = make(map[encodedKey]encodedTask), 0
	}
	c.known[key] = e
	c.bytes += size
}

// EncodeTask encodes a task. lasts is false for what is right at the moment only,
// as with links that expire.
type EncodeTask func(*a2apb.Task) (body []byte, lasts bool, err error)

// Encoded is Get with the task in the form that encode gives it. form names that
// form: as long as the task does not change, encode is not called for it again
// where its answer lasts.
// The bytes are shared: do not change them.
func (m *Manager) Encoded(ctx context.Context, ref Ref, id string, historyLength *int32, form string, encode EncodeTask) (body []byte, err error) {
	want, err := selectHistory(historyLength, true)
	if err != nil {
		return nil, err
	}
	key := encodedKey{ref, id, want.history, form}
	err = m.view(ctx, ref.Tenant, func(tx storage.Tx) error {
		value, err := tx.Get(headKey(id))
		if errors.Is(err, storage.ErrNotFound) {
			return ErrTaskNotFound
		}
		if err != nil {
			return err
		}
		known := false
		if body, known = m.encoded.get(key, value); known {
			return nil
		}
		t, err := foldHead(ctx, tx, key, value, want)
		if err != nil {
			return err
		}
		lasts := false
		if body, lasts, err = encode(t); err == nil && lasts {
			m.encoded.keep(key, encodedTask{value, body})
		}
		return err
	})
	return body, err
}

// foldHead puts the task together whose head record is value.
func foldHead(ctx context.Context, tx storage.Tx, key encodedKey, value []byte, want selection) (*a2apb.Task, error) {
	h, err := decodeHead(value)
	if err != nil {
		return nil, err
	}
	if !h.shownTo(key.ref.Agent) {
		return nil, ErrTaskNotFound
	}
	return fold(ctx, tx, key.id, h, want)
}
