package task

import (
	"encoding/binary"
	"math"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"

	"github.com/carrelhq/carrel/storage"
)

// The tasks that rest are counted in buckets of three sizes, so that those since
// some time are a sum of some hundred counters, whatever the time: whole buckets of
// ten hours, then of a minute, then of a tenth of a second, and the entries of what
// is left. One size alone does not do: in an hour there may be millions of tasks,
// and in a year there are millions of minutes.
//
// Sizes are powers of two of nanoseconds. Each divides the one before.
var bucketSizes = [...]int{45, 36, 27} // 9.8 h, 69 s, 134 ms

// always is the rank that is not newer than any task's.
const always = math.MaxUint64

func (g group) buckets(state a2apb.TaskState, size int) storage.Key {
	return listCountSpace.With(storage.Str(g.agent), storage.Str(g.contextID), sizeOf(state, size))
}

// bucket is the one of a size that has the rank.
func (g group) bucket(state a2apb.TaskState, size int, rank uint64) storage.Key {
	return listCountSpace.With(storage.Str(g.agent), storage.Str(g.contextID), sizeOf(state, size), storage.Uint(rank>>size))
}

func sizeOf(state a2apb.TaskState, size int) storage.Element {
	return storage.Uint(uint64(state)<<8 | uint64(size))
}

// addCount counts a task that rests, or takes it out of the count. Counters take
// concurrent additions without a conflict.
func (g group) addCount(tx storage.Tx, l listed, delta int64) error {
	for _, size := range bucketSizes {
		if err := addOrDrop(tx, g.bucket(l.state, size, rank(l.changed)), delta); err != nil {
			return err
		}
	}
	return nil
}

// addOrDrop adds to a counter, and removes it when nothing is left of it.
func addOrDrop(tx storage.Tx, key storage.Key, delta int64) error {
	if delta < 0 {
		n, err := storage.Counter(tx, key)
		if err != nil {
			return err
		}
		if n+delta == 0 {
			return tx.Delete(key)
		}
	}
	return tx.Add(key, delta)
}

// count returns how many tasks rest in the state whose rank is last at most.
func (g group) count(tx storage.Tx, state a2apb.TaskState, last uint64) (n int, err error) {
	begin := uint64(0)
	for _, size := range bucketSizes {
		end := last >> size
		sum, err := g.sum(tx, state, size, begin>>size, end)
		if err != nil {
			return 0, err
		}
		n += sum
		if last == always {
			return n, nil // nothing is older than the year 1678
		}
		begin = end << size
	}
	prefix := g.entries(state)
	for item, err := range tx.Scan(prefix, prefix.Uint(begin)) {
		if err != nil {
			return 0, err
		}
		at, err := readEntry(prefix, item)
		if err != nil {
			return 0, err
		}
		if at.rank > last {
			break
		}
		n++
	}
	return n, nil
}

// sum adds up the buckets from the first to before end.
func (g group) sum(tx storage.Tx, state a2apb.TaskState, size int, first, end uint64) (n int, err error) {
	prefix := g.buckets(state, size)
	var after storage.Key
	if first > 0 {
		after = prefix.Uint(first - 1)
	}
	for item, err := range tx.Scan(prefix, after) {
		if err != nil {
			return 0, err
		}
		if len(item.Key) != len(prefix)+8 {
			return 0, errRecord
		}
		if binary.BigEndian.Uint64(item.Key[len(prefix):]) >= end {
			break
		}
		count, err := storage.DecodeCounter(item.Value)
		if err != nil {
			return 0, err
		}
		n += int(count)
	}
	return n, nil
}
