package badgerdb

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/carrelhq/carrel/internal/faults"
)

// TestACacheSaysWhatTheStoreWould reads random keys in random states, old ones
// too, while commits change and delete them and generations come and go.
func TestACacheSaysWhatTheStoreWould(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	c := newCache(2<<10, 0)
	states := []map[string][]byte{{}} // by timestamp
	hits, known := 0, 0               // of keys that are there, and of those that are not
	for range 100_000 {
		newest := uint64(len(states) - 1)
		if random.IntN(8) == 0 {
			wrote, next := randomCommit(random, states[newest])
			states = append(states, next)
			c.land(wrote, newest+1)
			continue
		}
		ts := newest - min(newest, uint64(random.IntN(4)))
		key := randomKey(random)
		want, there := states[ts][key]
		got, ok := c.get([]byte(key), ts)
		switch {
		case ok && (there != (got != nil) || !bytes.Equal(got, want)):
			t.Fatalf("%s in state %d of %d is %q, want %q, %t", key, ts, newest, got, want, there)
		case ok && there:
			hits++
		case ok:
			known++
		default: // read from the store, perhaps while commits land
			if random.IntN(8) == 0 {
				wrote, next := randomCommit(random, states[newest])
				states = append(states, next)
				c.land(wrote, newest+1)
			}
			c.keep([]byte(key), want, ts)
		}
		if entries := len(c.young) + len(c.old); entries > 2<<10/perCached {
			t.Fatalf("%d entries", entries)
		}
	}
	if hits < 1000 || known < 1000 {
		t.Errorf("%d hits, and %d of what is not there", hits, known)
	}
}

func randomKey(random *rand.Rand) string { return fmt.Sprint("key", random.IntN(40)) }

func randomCommit(random *rand.Rand, state map[string][]byte) (layer, map[string][]byte) {
	next := make(map[string][]byte, len(state))
	for key, value := range state {
		next[key] = value
	}
	var wrote layer
	for range random.IntN(6) {
		key := randomKey(random)
		if random.IntN(4) == 0 {
			wrote = append(wrote, write{key: []byte(key)})
			delete(next, key)
			continue
		}
		next[key] = fmt.Append(nil, random.IntN(1000), " ", string(make([]byte, random.IntN(100))))
		wrote = append(wrote, write{[]byte(key), next[key]})
	}
	return wrote, next
}

func TestWhatIsReadOnceOrIsLargeIsNotKept(t *testing.T) {
	t.Parallel()
	c := newCache(1<<20, 0)
	for i := range 1000 {
		c.keep(fmt.Append(nil, "once", i), []byte("value"), 0)
	}
	if len(c.young) > 50 { // a few have the hash of another
		t.Errorf("%d of 1000 that were read once", len(c.young))
	}
	before := len(c.young)
	for range 3 {
		c.keep([]byte("large"), make([]byte, cachedValue+1), 0)
		c.keep([]byte("small"), nil, 0)
	}
	if _, ok := c.get([]byte("small"), 0); !ok || len(c.young) != before+1 {
		t.Errorf("%d entries, want %d", len(c.young), before+1)
	}
}

func TestSeededFaultsOfTheCacheAreNoticed(t *testing.T) {
	t.Parallel()
	const test = "TestACacheSaysWhatTheStoreWould"
	faults.Noticed(t, []faults.Fault{
		{"a value is believed in states before it", "cache.go", "(ok || aged) && entry.since <= ts", "ok || aged", test},
		{"what was read is kept although a commit has landed", "cache.go", "c.ts == ts && !", "!", test},
		{"a commit changes the young generation only", "cache.go", "		c.landIn(c.old, w)\n", "", test},
		{"a deletion is not noticed", "cache.go", "	case !ok:\n", "	case !ok || w.value == nil:\n", test},
		{"what is written where nothing was is not noticed", "cache.go", "	case !ok:\n", "	case !ok || entry.value == nil:\n", test},
		{"a new value counts from before its commit", "cache.go", "cached{w.value, c.ts}", "cached{w.value, entry.since}", test},
		{"nothing is forgotten", "cache.go", "c.bytes+size > c.room", "false", test},
		{"what is read once is kept", "cache.go", "	*word |= bit\n	return true", "	*word |= bit\n	return false", "TestWhatIsReadOnceOrIsLargeIsNotKept"},
	})
}
