package badgerdb

import (
	"hash/maphash"
	"sync"
)

const (
	// cachedValue is the largest value a cache keeps, in bytes.
	cachedValue = 4 << 10
	// perCached is about what an entry takes beside its key and value.
	perCached = 128
	// seenBits are how many keys a cache tells apart that it has seen once.
	seenBits = 1 << 16
)

// cache keeps the values of keys that are read again and again: every request
// reads its agent, and finding a value takes Badger microseconds. It is exact,
// which is easy where there is one writer: an entry holds the value that its key
// has had since a state and has in the newest durable one, or that it has none. A
// commit changes the entries of what it writes, before anybody can see it, and drops
// those that grow; it adds none.
//
// Entries live in two generations. When the young one is full it becomes the old
// one, and what nobody has asked for meanwhile is forgotten with the one before.
type cache struct {
	seed maphash.Seed
	room int // of a generation, in bytes

	mu         sync.RWMutex
	ts         uint64 // the newest durable state
	young, old map[string]cached
	bytes      int                   // of young
	seen       [seenBits / 64]uint64 // keys that were read and are not kept yet, by their hash
	saw        int
}

// cached is what a key's value is.
type cached struct {
	value []byte // nil when it has none
	since uint64 // a state in which it was that
}

// newCache returns a cache of about that many bytes for a store at ts.
func newCache(bytes int64, ts uint64) *cache {
	return &cache{seed: maphash.MakeSeed(), room: int(bytes / 2), ts: ts, young: map[string]cached{}}
}

// get returns the value that key has in the state ts, nil when it has none. It must
// not be changed.
func (c *cache) get(key []byte, ts uint64) ([]byte, bool) {
	c.mu.RLock()
	entry, ok := c.young[string(key)]
	aged := false
	if !ok {
		entry, aged = c.old[string(key)]
	}
	c.mu.RUnlock()
	if aged {
		c.renew(string(key))
	}
	return entry.value, (ok || aged) && entry.since <= ts
}

// keep notes what was read of key in the state ts, nil if it was not there, when
// that is the newest still and the key was read before.
func (c *cache) keep(key, value []byte, ts uint64) {
	if len(value) > cachedValue {
		return
	}
	hash := maphash.Bytes(c.seed, key)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ts == ts && !c.isNew(hash) {
		c.put(string(key), cached{value, ts})
	}
}

// isNew reports whether the key of the hash was not read before, and notes that it was.
func (c *cache) isNew(hash uint64) bool {
	word, bit := &c.seen[hash%seenBits/64], uint64(1)<<(hash%64)
	if *word&bit != 0 {
		return false
	}
	if c.saw++; c.saw > seenBits/4 {
		clear(c.seen[:])
		c.saw = 1
	}
	*word |= bit
	return true
}

// put adds an entry. It must be called with mu held.
func (c *cache) put(key string, entry cached) {
	size := len(key) + len(entry.value) + perCached
	if c.bytes+size > c.room {
		c.old, c.young, c.bytes = c.young, map[string]cached{}, 0
	}
	c.young[key] = entry
	c.bytes += size
}

// renew makes an old entry young, unless it is gone.
func (c *cache) renew(key string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if entry, ok := c.old[key]; ok {
		delete(c.old, key)
		c.put(key, entry)
	}
}

// land notes what the commit wrote that made the state ts, before anybody sees that.
func (c *cache) land(wrote layer, ts uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ts = ts
	for _, w := range wrote {
		c.landIn(c.young, w)
		c.landIn(c.old, w)
	}
}

// landIn changes the entry of a key that was written, if there is one.
func (c *cache) landIn(generation map[string]cached, w write) {
	entry, ok := generation[string(w.key)]
	switch {
	case !ok:
	case len(w.value) > max(len(entry.value), 64):
		delete(generation, string(w.key)) // its room is given back with its generation
	default:
		generation[string(w.key)] = cached{w.value, c.ts}
	}
}
