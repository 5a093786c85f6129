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

// Element is an element of a key, made by [Str], [Uint], [Time] or [TimeDesc].
type Element struct {
	text   string
	number uint64
	fixed  bool // it is the number
}

// Str is a string as an element.
func Str(s string) Element { return Element{text: s} }

// Uint is an integer of eight bytes as an element.
func Uint(n uint64) Element { return Element{number: n, fixed: true} }

// Time is a time to the nanosecond as an element, earlier times first. Times outside
// the years 1678 to 2262 are clamped to that range.
func Time(t time.Time) Element { return Uint(orderedTime(t)) }

// TimeDesc is [Time] with later times first.
func TimeDesc(t time.Time) Element { return Uint(^orderedTime(t)) }

// Number is the element as the integer that it is ordered by; that of a string is 0.
func (e Element) Number() uint64 { return e.number }

// With appends elements, at once: a key of several costs one allocation.
func (k Key) With(elements ...Element) Key {
	size := len(k)
	for _, e := range elements {
		size += len(e.text) + 8 // as much as the end of a text and a few zero bytes in it
	}
	out := append(make(Key, 0, size), k...)
	for _, e := range elements {
		if e.fixed {
			out = binary.BigEndian.AppendUint64(out, e.number)
		} else {
			out = appendText(out, e.text)
		}
	}
	return out
}

func appendText(out Key, s string) Key {
	for {
		zero := strings.IndexByte(s, 0)
		if zero < 0 {
			return append(append(out, s...), 0, 0)
		}
		out = append(append(out, s[:zero+1]...), 0xFF)
		s = s[zero+1:]
	}
}

// Str appends a string.
func (k Key) Str(s string) Key { return k.With(Str(s)) }

// Bytes appends a byte string.
func (k Key) Bytes(b []byte) Key { return k.Str(string(b)) }

// Uint appends an integer of eight bytes.
func (k Key) Uint(n uint64) Key { return k.With(Uint(n)) }

// Time appends a time, see [Time].
func (k Key) Time(t time.Time) Key { return k.With(Time(t)) }

// TimeDesc appends a time, see [TimeDesc].
func (k Key) TimeDesc(t time.Time) Key { return k.With(TimeDesc(t)) }

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
