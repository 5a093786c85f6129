package storage

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Counter returns the sum at a key that is written with [Tx.Add]; a counter
// that was never added to is 0.
func Counter(tx Tx, key []byte) (int64, error) {
	value, err := tx.Get(key)
	if errors.Is(err, ErrNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return DecodeCounter(value)
}

// EncodeCounter is the stored form of a counter: eight bytes, big endian. It is for implementations.
func EncodeCounter(n int64) []byte {
	return binary.BigEndian.AppendUint64(nil, uint64(n))
}

// DecodeCounter reads what [EncodeCounter] wrote.
func DecodeCounter(value []byte) (int64, error) {
	if len(value) != 8 {
		return 0, fmt.Errorf("storage: a value of %d bytes is not a counter", len(value))
	}
	return int64(binary.BigEndian.Uint64(value)), nil
}
