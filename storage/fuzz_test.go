package storage

import (
	"bytes"
	"testing"
)

// FuzzCounter: a counter has eight bytes.
func FuzzCounter(f *testing.F) {
	f.Add(EncodeCounter(-7))
	f.Add([]byte("seven b"))
	f.Fuzz(func(t *testing.T, value []byte) {
		if n, err := DecodeCounter(value); err == nil && !bytes.Equal(EncodeCounter(n), value) {
			t.Errorf("%x is %d, which is %x", value, n, EncodeCounter(n))
		}
	})
}

// FuzzLoose: the mark of a blob whose chunks are loose names it, and a time.
func FuzzLoose(f *testing.F) {
	f.Add([]byte(NewKey("loose").Str("id")), EncodeCounter(1_700_000_000_000_000_000))
	f.Add([]byte("loose"), []byte{1})
	f.Fuzz(func(t *testing.T, key, value []byte) {
		id, since, err := readLoose(Item{Key: key, Value: value})
		if err != nil {
			return
		}
		r := ReadKey(key)
		if space := r.Str(); !bytes.HasPrefix(key, NewKey(space).Str(id)) || !bytes.Equal(EncodeCounter(since.UnixNano()), value) {
			t.Errorf("%q with %x is %q since %s", key, value, id, since)
		}
	})
}
