package task

import (
	"fmt"
	"time"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/carrelhq/carrel/storage"
)

// record is an event as it is stored: what followers see of it, and what folding
// the log needs beside. At most one of body and message is set.
//
// Events that are committed together lie in one entry of the store, under the number
// of the last: the record of that one has those before it inside. So the entry that
// has event n is the first one after n-1.
type record struct {
	seq     uint64
	size    int // in bytes, without those of others
	time    time.Time
	run     int
	attempt int // 0 for what no attempt wrote
	state   a2apb.TaskState
	body    []byte // StreamResponse, for followers
	message []byte // a follow-up message: followers do not see it
	shows   bool   // the task was hidden before
}

// The fields of an event on disk, as those of a head.
const (
	recordTime    protowire.Number = 1
	recordRun     protowire.Number = 2
	recordAttempt protowire.Number = 3
	recordState   protowire.Number = 4
	recordBody    protowire.Number = 5
	recordMessage protowire.Number = 6
	recordShows   protowire.Number = 7
	recordBefore  protowire.Number = 8 // another record, in the order of events
)

// entryBytes is how large an entry of several events gets. It is well below what the
// store keeps apart from its keys, which is slower to read.
const entryBytes = 16 << 10

func (r *record) encode() []byte {
	w := make(wire, 0, 32+len(r.body)+len(r.message))
	w.time(recordTime, r.time)
	w.number(recordRun, uint64(r.run))
	w.number(recordAttempt, uint64(r.attempt))
	w.number(recordState, uint64(r.state))
	w.bytes(recordBody, r.body)
	w.bytes(recordMessage, r.message)
	if r.shows {
		w.number(recordShows, 1)
	}
	return w
}

// logEntry collects the events of an update until they are written.
type logEntry struct {
	records [][]byte // as they are encoded
	size    int
	seq     uint64 // of the last
}

// add adds the next event. It reports false when the entry is to be written first.
func (l *logEntry) add(seq uint64, record []byte) bool {
	size := protowire.SizeTag(recordBefore) + protowire.SizeBytes(len(record))
	if len(l.records) > 0 && l.size+size > entryBytes {
		return false
	}
	l.records, l.size, l.seq = append(l.records, record), l.size+size, seq
	return true
}

// write writes the entry, if there is one, and empties it.
func (l *logEntry) write(tx storage.Tx, id string) error {
	if len(l.records) == 0 {
		return nil
	}
	key, value := eventKey(id, l.seq), l.encode()
	clear(l.records)
	*l = logEntry{records: l.records[:0]}
	return tx.Set(key, value)
}

func (l *logEntry) encode() []byte {
	last := len(l.records) - 1
	if last == 0 {
		return l.records[0]
	}
	w := make(wire, 0, l.size)
	for _, before := range l.records[:last] {
		w.bytes(recordBefore, before)
	}
	return append(w, l.records[last]...)
}

// decodeEntry returns the events of an entry, in their order.
func decodeEntry(item storage.Item) ([]record, error) {
	key := storage.ReadKey(item.Key)
	key.Str()
	key.Str()
	last := record{seq: key.Uint()}
	if err := key.Err(); err != nil {
		return nil, err
	}
	var before [][]byte
	if err := last.decode(item.Value, &before); err != nil {
		return nil, err
	}
	n := uint64(len(before))
	if n >= last.seq { // events count from 1
		return nil, fmt.Errorf("task: event %d: %w", last.seq, errRecord)
	}
	list := make([]record, 0, n+1)
	for i, data := range before {
		r := record{seq: last.seq - n + uint64(i)}
		if err := r.decode(data, nil); err != nil {
			return nil, err
		}
		list = append(list, r)
	}
	return append(list, last), nil
}

// decode reads a record, and appends those in it to before. With nil there may be none.
func (r *record) decode(data []byte, before *[][]byte) error {
	r.size = len(data)
	nested := false
	err := readWire(data, func(field protowire.Number, n uint64, b []byte) {
		switch field {
		case recordTime:
			r.time = wireTime(n)
		case recordRun:
			r.run = int(n)
		case recordAttempt:
			r.attempt = int(n)
		case recordState:
			r.state = a2apb.TaskState(n)
		case recordBody:
			r.body = b
		case recordMessage:
			r.message = b
		case recordShows:
			r.shows = n != 0
		case recordBefore:
			if nested = before == nil; !nested {
				*before = append(*before, b)
				r.size -= protowire.SizeTag(recordBefore) + protowire.SizeBytes(len(b))
			}
		}
	})
	if err == nil && nested {
		err = errRecord
	}
	if err != nil {
		return fmt.Errorf("task: event %d: %w", r.seq, err)
	}
	return nil
}

// event is the record as followers see it.
func (r *record) event() (Event, error) {
	e := Event{Seq: r.seq, Time: r.time, State: r.state, Shows: r.shows, run: r.run, attempt: r.attempt, size: r.size, wire: &wireCache{}}
	if len(r.body) == 0 && len(r.message) == 0 {
		return e, nil
	}
	if len(r.message) > 0 {
		e.message = &a2apb.Message{}
		if err := proto.Unmarshal(r.message, e.message); err != nil {
			return Event{}, fmt.Errorf("task: event %d: %w", r.seq, err)
		}
		return e, nil
	}
	e.Body = &a2apb.StreamResponse{}
	if err := proto.Unmarshal(r.body, e.Body); err != nil {
		return Event{}, fmt.Errorf("task: event %d: %w", r.seq, err)
	}
	return e, nil
}
