package image

import (
	"slices"
	"testing"
)

func TestExtents(t *testing.T) {
	t.Parallel()
	const w = wasmPage
	tests := []struct {
		name  string
		size  int
		pages []int // offsets of bytes that are not zero
		want  []extent
	}{
		{"zeros only", 4 * w, nil, nil},
		{"the first byte", 4 * w, []int{0}, []extent{{0, pageSize}}},
		{"the last byte", 4 * w, []int{4*w - 1}, []extent{{4*w - pageSize, 4 * w}}},
		{"a small gap is mapped", 4 * w, []int{0, w}, []extent{{0, w + pageSize}}},
		{"a large gap is not", 4 * w, []int{0, 2 * w}, []extent{{0, pageSize}, {2 * w, 2*w + pageSize}}},
		{
			"only the largest gaps of many are left out", 40 * w, []int{0, 2 * w, 12 * w, 15 * w, 25 * w, 28 * w, 38 * w},
			[]extent{{0, 2*w + pageSize}, {12 * w, 15*w + pageSize}, {25 * w, 28*w + pageSize}, {38 * w, 38*w + pageSize}},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c := make([]byte, test.size)
			for _, at := range test.pages {
				c[at] = 1
			}
			l := newLayout(c)
			if !slices.Equal(l.extents, test.want) {
				t.Errorf("got %v, want %v", l.extents, test.want)
			}
			for at := 0; at < len(c); at += pageSize {
				if got, want := l.holds(at), !isZero(c[at:at+pageSize]); got != want {
					t.Errorf("page at %d: got %v, want %v", at, got, want)
				}
			}
		})
	}
}
