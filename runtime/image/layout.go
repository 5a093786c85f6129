package image

import (
	"bytes"
	"cmp"
	"slices"
)

// layout says which pages of a content are not zero, and which parts of it are
// worth mapping.
type layout struct {
	bits    []uint64 // a bit per page: set if it is not zero
	extents []extent // cover all pages that are not zero, in order
}

// extent is a range of bytes, of whole pages.
type extent struct{ start, end int }

const (
	// maxExtents bounds the mappings that a Memory takes: a process may have 65,530.
	maxExtents = 4
	// minGap is the smallest stretch of zeros that is left unmapped.
	minGap = wasmPage
)

// zeros is as long as the largest page there is.
var zeros [wasmPage]byte

func isZero(page []byte) bool { return bytes.Equal(page, zeros[:len(page)]) }

func newLayout(content []byte) layout {
	l := layout{bits: make([]uint64, (len(content)/pageSize+63)/64)}
	var gaps []extent // between pages that are not zero
	first, end := 0, 0
	for at := 0; at < len(content); at += pageSize {
		if isZero(content[at : at+pageSize]) {
			continue
		}
		l.bits[at/pageSize/64] |= 1 << (at / pageSize % 64)
		switch {
		case end == 0:
			first = at
		case at-end >= minGap:
			gaps = append(gaps, extent{end, at})
		}
		end = at + pageSize
	}
	if end > 0 {
		l.extents = split(extent{first, end}, gaps)
	}
	return l
}

// split leaves the largest gaps out of all.
func split(all extent, gaps []extent) []extent {
	slices.SortStableFunc(gaps, func(a, b extent) int { return cmp.Compare(b.end-b.start, a.end-a.start) })
	gaps = gaps[:min(len(gaps), maxExtents-1)]
	slices.SortFunc(gaps, func(a, b extent) int { return cmp.Compare(a.start, b.start) })
	var extents []extent
	for _, gap := range gaps {
		extents = append(extents, extent{all.start, gap.start})
		all.start = gap.end
	}
	return append(extents, all)
}

// holds reports whether the page at offset at is not zero.
func (l *layout) holds(at int) bool {
	page := at / pageSize
	return l.bits[page/64]>>(page%64)&1 == 1
}

// mapped returns the number of bytes in all extents.
func (l *layout) mapped() int {
	n := 0
	for _, e := range l.extents {
		n += e.end - e.start
	}
	return n
}
