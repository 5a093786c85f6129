package badgerdb

import (
	"bytes"
	"slices"

	"github.com/carrelhq/carrel/storage"
)

// write is what one update did to one key; a nil value deletes it.
type write struct {
	key, value []byte
}

// layer holds writes sorted by key, each key once. It never changes, so a
// snapshot may keep it for as long as it likes.
type layer []write

// find returns where key is, or where it would be inserted.
func (l layer) find(key []byte) (int, bool) {
	return slices.BinarySearchFunc(l, key, func(w write, k []byte) int { return bytes.Compare(w.key, k) })
}

// within returns the writes whose key starts with prefix and is greater than after.
func (l layer) within(prefix, after []byte) layer {
	from, _ := l.find(prefix)
	if after != nil {
		i, exact := l.find(after)
		if exact {
			i++
		}
		from = max(from, i)
	}
	to := from
	for to < len(l) && bytes.HasPrefix(l[to].key, prefix) {
		to++
	}
	return l[from:to]
}

// sizes tells what writes come to.
type sizes struct {
	large   int // bytes that go to the value log
	small   int // bytes that go to memtables
	deleted int // keys
}

func (l layer) sizes() (s sizes) {
	const pointer = 32
	for _, w := range l {
		s.small += len(w.key) + perKey + pointer
		switch {
		case w.value == nil:
			s.deleted++
		case len(w.value) >= valueThreshold:
			s.large += len(w.value)
		default:
			s.small += len(w.value)
		}
	}
	return s
}

// merge returns both layers as one; where both hold a key, newer wins.
func merge(older, newer layer) layer {
	if len(older) == 0 {
		return newer
	}
	if len(newer) == 0 {
		return older
	}
	out := make(layer, 0, len(older)+len(newer))
	for len(older) > 0 && len(newer) > 0 {
		switch order := bytes.Compare(older[0].key, newer[0].key); {
		case order < 0:
			out, older = append(out, older[0]), older[1:]
		case order > 0:
			out, newer = append(out, newer[0]), newer[1:]
		default:
			out, older, newer = append(out, newer[0]), older[1:], newer[1:]
		}
	}
	return append(append(out, older...), newer...)
}

// layers are updates that Badger does not hold yet, oldest first.
type layers []layer

// push returns the layers with one more on top. Neighbours of similar size are
// merged, so there are few of them however many updates wait for the disk.
func (ls layers) push(top layer) layers {
	n := len(ls)
	for n > 0 && len(ls[n-1]) <= 2*len(top) {
		top = merge(ls[n-1], top)
		n--
	}
	out := make(layers, 0, n+1)
	return append(append(out, ls[:n]...), top)
}

// over returns the layers with those of top above them.
func (ls layers) over(top layers) layers {
	switch {
	case len(ls) == 0:
		return top
	case len(top) == 0:
		return ls
	}
	return slices.Concat(ls, top)
}

// get returns the newest write of key.
func (ls layers) get(key []byte) (write, bool) {
	for i := len(ls) - 1; i >= 0; i-- {
		if at, ok := ls[i].find(key); ok {
			return ls[i][at], true
		}
	}
	return write{}, false
}

// within merges what the layers hold in the range of a scan.
func (ls layers) within(prefix, after []byte) layer {
	var out layer
	for _, l := range ls {
		out = merge(out, l.within(prefix, after))
	}
	return out
}

// buffer collects the writes of one update and holds it to the limits.
type buffer struct {
	writes []write // each key once, in order of first write
	index  map[string]int
	sorted layer // the same by key, nil after a write
	count  int
	bytes  int
	err    error // sticks: an update above the limits leaves nothing
}

// reset empties the buffer. What it gave out is left as it is.
func (b *buffer) reset() {
	room := b.writes[:0]
	if cap(room) > manyWrites {
		room = nil
	}
	clear(b.writes)
	*b = buffer{writes: room}
}

// manyWrites is how many writes a buffer has room for that is used again.
const manyWrites = 1024

// few is how many keys are looked up one by one, without an index.
const few = 16

func (b *buffer) find(key []byte) (int, bool) {
	if b.index != nil {
		i, ok := b.index[string(key)]
		return i, ok
	}
	for i := range b.writes {
		if bytes.Equal(b.writes[i].key, key) {
			return i, true
		}
	}
	return 0, false
}

func (b *buffer) put(w write) error {
	if b.err = b.limit(w); b.err != nil {
		return b.err
	}
	b.sorted = nil
	if i, ok := b.find(w.key); ok {
		b.writes[i] = w
		return nil
	}
	b.writes = append(b.writes, w)
	b.reindex()
	return nil
}

func (b *buffer) limit(w write) error {
	b.count++
	b.bytes += len(w.key) + len(w.value)
	switch {
	case b.err != nil:
		return b.err
	case len(w.key) > storage.MaxKey:
		return tooLarge("a key of %d bytes", len(w.key))
	case len(w.value) > storage.MaxValue:
		return tooLarge("a value of %d bytes", len(w.value))
	case b.count > storage.MaxUpdateKeys:
		return tooLarge("an update of more than %d writes", storage.MaxUpdateKeys)
	case b.bytes > storage.MaxUpdateBytes:
		return tooLarge("an update of more than %d bytes", storage.MaxUpdateBytes)
	}
	return nil
}

func (b *buffer) reindex() {
	last := len(b.writes) - 1
	if b.index != nil {
		b.index[string(b.writes[last].key)] = last
		return
	}
	if last < few {
		return
	}
	b.index = make(map[string]int, 4*few)
	for i, w := range b.writes {
		b.index[string(w.key)] = i
	}
}

// layer returns the writes by key. The buffer may be written to afterwards.
func (b *buffer) layer() layer {
	if b.sorted == nil {
		b.sorted = slices.Clone(b.writes)
		slices.SortFunc(b.sorted, func(x, y write) int { return bytes.Compare(x.key, y.key) })
	}
	return b.sorted
}
