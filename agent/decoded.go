package agent

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
)

// decodedBytes bounds the records whose decoded form a cache keeps, in bytes of JSON.
const decodedBytes = 4 << 20

// decoded remembers what records decode to, because every request needs its
// agent and decoding costs ten times what reading does. The record itself is the
// key: an entry is right whoever wrote the record, and is never out of date.
// Its zero value is ready; it is safe for concurrent use.
type decoded[T any] struct {
	mu    sync.RWMutex
	known map[string]T
	bytes int
}

// decode returns what value decodes to; the words name it in errors. Results share memory.
func (d *decoded[T]) decode(value []byte, words ...string) (T, error) {
	d.mu.RLock()
	v, ok := d.known[string(value)]
	d.mu.RUnlock()
	if ok {
		return v, nil
	}
	return d.unmarshal(value, words)
}

// unmarshal is apart, so that what is known costs no allocation.
func (d *decoded[T]) unmarshal(value []byte, words []string) (v T, err error) {
	if err := json.Unmarshal(value, &v); err != nil {
		return v, fmt.Errorf("agent: record of %s: %w", strings.Join(words, " "), err)
	}
	d.keep(string(value), v)
	return v, nil
}

// keep drops everything when there is no room, which is rare and soon made good.
func (d *decoded[T]) keep(value string, v T) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.known == nil || d.bytes+len(value) > decodedBytes {
		d.known, d.bytes = make(map[string]T), 0
	}
	if _, ok := d.known[value]; !ok {
		d.bytes += len(value)
	}
	d.known[value] = v
}
