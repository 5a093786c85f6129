package storage

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"strings"
	"time"
)

// Key is a tuple in an order-preserving encoding: comparing two keys byte by
// byte compares their tuples element by element. No element is a prefix of
// another, so the key of ("t1") never starts the key of ("t10").
//
// Strings and byte strings are escaped (0x00 becomes 0x00 0xFF) and end with
// 0x00 0x00; integers and times have a fixed width. The element types are not
// recorded: reader and writer agree on them, as they agree on the space.
//
// Every method returns a new key and leaves its receiver as it was, so a prefix
// can be built once and shared.
type Key []byte

// NewKey starts a key in the named space, for example "task".
func NewKey(space string) Key { return Key(nil).Str(space) }

// Str appends a string.
func (k Key) Str(s string) Key {
	out := make(Key, len(k), len(k)+len(s)+10)
	copy(out, k)
	for {
		zero := strings.IndexByte(s, 0)
		if zero < 0 {
			return append(append(out, s...), 0, 0)
		}
		out = append(append(out, s[:zero+1]...), 0xFF)
		s = s[zero+1:]
	}
}

// Bytes appends a byte string.
func (k Key) Bytes(b []byte) Key { return k.Str(string(b)) }

// Uint appends an integer of eight bytes.
func (k Key) Uint(n uint64) Key {
	out := make(Key, len(k), len(k)+8)
	copy(out, k)
	return binary.BigEndian.AppendUint64(out, n)
}

// Time appends t to the nanosecond, earlier times first. Times outside the
// years 1678 to 2262 are clamped to that range.
func (k Key) Time(t time.Time) Key { return k.Uint(orderedTime(t)) }

// TimeDesc appends t to the nanosecond, later times first.
func (k Key) TimeDesc(t time.Time) Key { return k.Uint(^orderedTime(t)) }

var (
	firstTime = time.Unix(0, math.MinInt64)
	lastTime  = time.Unix(0, math.MaxInt64)
)

func orderedTime(t time.Time) uint64 {
	n := t.UnixNano()
	if t.Before(firstTime) {
		n = math.MinInt64
	} else if t.After(lastTime) {
		n = math.MaxInt64
	}
	return uint64(n) ^ 1<<63
}

func timeOf(n uint64) time.Time { return time.Unix(0, int64(n^1<<63)).UTC() }

// KeyReader takes a key apart, element by element, in the order it was built.
// The first fault sticks: later reads return zero values and [KeyReader.Err]
// tells what was wrong.
type KeyReader struct {
	rest []byte
	err  error
}

// ReadKey starts to take key apart.
func ReadKey(key []byte) *KeyReader { return &KeyReader{rest: key} }

var errShortKey = errors.New("storage: malformed key")

// Str reads a string element.
func (r *KeyReader) Str() string {
	var out []byte
	for r.err == nil {
		i := bytes.IndexByte(r.rest, 0)
		if i < 0 || i+1 >= len(r.rest) {
			break
		}
		out = append(out, r.rest[:i]...)
		mark := r.rest[i+1]
		r.rest = r.rest[i+2:]
		switch mark {
		case 0:
			return string(out)
		case 0xFF:
			out = append(out, 0)
		default:
			r.err = errShortKey
		}
	}
	r.err = errShortKey
	return ""
}

// Uint reads an integer element.
func (r *KeyReader) Uint() uint64 {
	if r.err != nil || len(r.rest) < 8 {
		r.err = errShortKey
		return 0
	}
	n := binary.BigEndian.Uint64(r.rest)
	r.rest = r.rest[8:]
	return n
}

// Time reads an element written by [Key.Time].
func (r *KeyReader) Time() time.Time { return timeOf(r.Uint()) }

// TimeDesc reads an element written by [Key.TimeDesc].
func (r *KeyReader) TimeDesc() time.Time { return timeOf(^r.Uint()) }

// Err returns the first fault, or an error if bytes are left over.
func (r *KeyReader) Err() error {
	if r.err == nil && len(r.rest) > 0 {
		return errShortKey
	}
	return r.err
}
