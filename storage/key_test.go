package storage

import (
	"bytes"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestAKeyIsReadBackAsItWasBuilt(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 4, 5, 6, 7, 89, time.UTC)
	key := NewKey("space").Str("a\x00b").Uint(7).Time(at).TimeDesc(at).Bytes([]byte{0xFF, 0}).Str("")
	r := ReadKey(key)
	got := []any{r.Str(), r.Str(), r.Uint(), r.Time(), r.TimeDesc(), r.Str(), r.Str(), r.Err()}
	want := []any{"space", "a\x00b", uint64(7), at, at, "\xff\x00", "", nil}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestBuildingOnAKeyLeavesItAsItWas(t *testing.T) {
	t.Parallel()
	prefix := NewKey("space")
	one, two := prefix.Str("one"), prefix.Str("two")
	if bytes.Equal(one, two) || !bytes.HasPrefix(one, prefix) || !bytes.HasPrefix(two, prefix) {
		t.Errorf("keys %q and %q were built on %q", one, two, prefix)
	}
}

func TestAKeyIsTheSameBuiltAtOnce(t *testing.T) {
	at := time.Date(2026, 3, 4, 5, 6, 7, 89, time.UTC)
	one := NewKey("space").Str("a\x00\x00").Uint(7).Time(at).TimeDesc(at).Str("")
	all := NewKey("space").With(Str("a\x00\x00"), Uint(7), Time(at), TimeDesc(at), Str(""))
	if !bytes.Equal(one, all) {
		t.Errorf("got %q, and element by element %q", all, one)
	}
	allocs := testing.AllocsPerRun(100, func() { all = Key("x").With(Str("task"), Uint(7), Str("")) })
	if allocs != 1 {
		t.Errorf("a key takes %v allocations", allocs)
	}
}

func TestNoKeyStartsAnother(t *testing.T) {
	t.Parallel()
	if bytes.HasPrefix(NewKey("t10"), NewKey("t1")) || bytes.HasPrefix(NewKey("t1\x00"), NewKey("t1")) {
		t.Error("the key of t1 starts the key of a longer name")
	}
}

func TestKeysSortAsTheirTuples(t *testing.T) {
	t.Parallel()
	ascending := []Key{
		NewKey(""), NewKey("\x00"), NewKey("\x00\x00"), NewKey("\x00a"), NewKey("\x01"),
		NewKey("a"), NewKey("a").Uint(0), NewKey("a").Uint(255), NewKey("a").Uint(256), NewKey("a").Uint(math.MaxUint64),
		NewKey("a\x00"), NewKey("a\x00b"), NewKey("aa"), NewKey("b"), NewKey("\xff"),
	}
	if !slices.IsSortedFunc(ascending, func(a, b Key) int { return bytes.Compare(a, b) }) {
		t.Errorf("keys are not in the order of their tuples: %q", ascending)
	}
}

func TestTimesSortAndClamp(t *testing.T) {
	t.Parallel()
	times := []time.Time{
		{}, time.Date(1500, 1, 1, 0, 0, 0, 0, time.UTC), time.Unix(-1, 0), time.Unix(0, 0),
		time.Unix(0, 1), time.Unix(1, 0), time.Date(2262, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC),
	}
	for i := range len(times) - 1 {
		if bytes.Compare(Key(nil).Time(times[i]), Key(nil).Time(times[i+1])) > 0 {
			t.Errorf("Time(%s) sorts after Time(%s)", times[i], times[i+1])
		}
		if bytes.Compare(Key(nil).TimeDesc(times[i]), Key(nil).TimeDesc(times[i+1])) < 0 {
			t.Errorf("TimeDesc(%s) sorts before TimeDesc(%s)", times[i], times[i+1])
		}
	}
	if got := ReadKey(Key(nil).Time(times[7])).Time(); got.Year() != 2262 {
		t.Errorf("a time beyond the range is read as %s", got)
	}
}

func TestAMalformedKeyIsAnError(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		key  string
		read func(r *KeyReader)
	}{
		{"nothing where a string should be", "", func(r *KeyReader) { r.Str() }},
		{"a string without its end", "abc", func(r *KeyReader) { r.Str() }},
		{"a string with half an end", "abc\x00", func(r *KeyReader) { r.Str() }},
		{"an unknown escape", "abc\x00\x01\x00\x00", func(r *KeyReader) { r.Str() }},
		{"a short integer", "1234567", func(r *KeyReader) { r.Uint() }},
		{"bytes left over", "12345678x", func(r *KeyReader) { r.Uint() }},
		{"a fault before a good element", "1\x00\x00" + "12345678", func(r *KeyReader) { r.Uint(); r.Uint(); r.Uint() }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := ReadKey([]byte(tt.key))
			if tt.read(r); r.Err() == nil {
				t.Errorf("reading %q gives no error", tt.key)
			}
		})
	}
}

func TestACounterIsEightBytes(t *testing.T) {
	t.Parallel()
	for _, n := range []int64{0, 1, -1, math.MaxInt64, math.MinInt64} {
		if got, err := DecodeCounter(EncodeCounter(n)); err != nil || got != n {
			t.Errorf("counter %d is read as %d, %v", n, got, err)
		}
	}
	if _, err := DecodeCounter([]byte("seven b")); err == nil {
		t.Error("seven bytes are read as a counter")
	}
}

func FuzzKeyOrder(f *testing.F) {
	f.Add("a", uint64(1), "b", uint64(2))
	f.Add("a", uint64(1), "a\x00", uint64(0))
	f.Add("", uint64(0), "\x00\xff", uint64(math.MaxUint64))
	f.Fuzz(func(t *testing.T, s1 string, n1 uint64, s2 string, n2 uint64) {
		a, b := NewKey("f").Str(s1).Uint(n1), NewKey("f").Str(s2).Uint(n2)
		want := cmpTuple(s1, n1, s2, n2)
		if got := bytes.Compare(a, b); got != want {
			t.Errorf("keys of (%q, %d) and (%q, %d) compare as %d, want %d", s1, n1, s2, n2, got, want)
		}
		if s1 != s2 && bytes.HasPrefix(NewKey(s1), NewKey(s2)) {
			t.Errorf("the key of %q starts the key of %q", s2, s1)
		}
		r := ReadKey(a)
		if r.Str() != "f" || r.Str() != s1 || r.Uint() != n1 || r.Err() != nil {
			t.Errorf("the key of (%q, %d) is not read back: %v", s1, n1, r.Err())
		}
	})
}

func cmpTuple(s1 string, n1 uint64, s2 string, n2 uint64) int {
	switch {
	case s1 != s2:
		return bytes.Compare([]byte(s1), []byte(s2))
	case n1 < n2:
		return -1
	case n1 > n2:
		return 1
	}
	return 0
}

func FuzzReadKey(f *testing.F) {
	f.Add([]byte(NewKey("a").Str("b\x00").Uint(1)))
	f.Add([]byte("a\x00\x01"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		r := ReadKey(raw)
		a, n, b := r.Str(), r.Uint(), r.Str()
		if r.Err() == nil && !bytes.Equal(NewKey(a).Uint(n).Str(b), raw) {
			t.Errorf("%q is read as (%q, %d, %q), which is another key", raw, a, n, b)
		}
	})
}
