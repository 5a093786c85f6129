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
type record struct {
	seq     uint64 // part of the key
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
)

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

func decodeRecord(item storage.Item) (*record, error) {
	key := storage.ReadKey(item.Key)
	key.Str()
	key.Str()
	r := &record{seq: key.Uint()}
	if err := key.Err(); err != nil {
		return nil, err
	}
	return r, r.decode(item.Value)
}

func (r *record) decode(data []byte) error {
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
		}
	})
	if err != nil {
		return fmt.Errorf("task: event %d: %w", r.seq, err)
	}
	return nil
}

// event is the record as followers see it.
func (r *record) event() (Event, error) {
	e := Event{Seq: r.seq, Time: r.time, State: r.state, Shows: r.shows, run: r.run, attempt: r.attempt, wire: &wireCache{}}
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
