package task

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/carrelhq/carrel/storage"
)

// onceRecord is what is remembered of a key.
type onceRecord struct {
	taskID  string
	seq     uint64 // of the event that the message caused first
	sum     [sha256.Size]byte
	expires time.Time
}

const (
	onceTask    protowire.Number = 1
	onceSeq     protowire.Number = 2
	onceSum     protowire.Number = 3
	onceExpires protowire.Number = 4
)

func (r *onceRecord) encode() []byte {
	w := make(wire, 0, 96)
	w.text(onceTask, r.taskID)
	w.number(onceSeq, r.seq)
	w.bytes(onceSum, r.sum[:])
	w.time(onceExpires, r.expires)
	return w
}

// getOnce reads what is remembered of a key, nil when that is nothing.
func getOnce(tx storage.Tx, agentName string, once Once) (*onceRecord, error) {
	value, err := tx.Get(onceKey(agentName, once))
	if errors.Is(err, storage.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return decodeOnce(value)
}

func decodeOnce(value []byte) (*onceRecord, error) {
	r := &onceRecord{}
	err := readWire(value, func(field protowire.Number, n uint64, b []byte) {
		switch field {
		case onceTask:
			r.taskID = string(b)
		case onceSeq:
			r.seq = n
		case onceSum:
			copy(r.sum[:], b)
		case onceExpires:
			r.expires = wireTime(n)
		}
	})
	if err != nil {
		return nil, fmt.Errorf("task: idempotency key: %w", err)
	}
	return r, nil
}
