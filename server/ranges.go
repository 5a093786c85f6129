package server

import (
	"fmt"
	"strconv"
	"strings"
)

// byteRange is a part of a content.
type byteRange struct{ first, length int64 }

// of is the Content-Range of the range of so many bytes.
func (r byteRange) of(size int64) string {
	return fmt.Sprintf("bytes %d-%d/%d", r.first, r.first+r.length-1, size)
}

// What a Range header comes to.
const (
	rangeNone = iota // all is to be sent
	rangeGiven
	rangeUnsatisfiable
)

// parseRange reads a Range header for a content of size bytes. What is malformed,
// of another unit, or asks for several ranges counts for nothing, as RFC 9110
// (section 14.2) allows.
func parseRange(header string, size int64) (r byteRange, kind int) {
	spec, ok := strings.CutPrefix(header, "bytes=")
	first, last, dash := strings.Cut(strings.TrimSpace(spec), "-")
	if !ok || !dash {
		return r, rangeNone
	}
	if first == "" {
		n, err := strconv.ParseUint(last, 10, 63)
		if err != nil {
			return r, rangeNone
		}
		n = min(n, uint64(size))
		return satisfied(byteRange{size - int64(n), int64(n)})
	}
	from, err := strconv.ParseUint(first, 10, 63)
	if err != nil {
		return r, rangeNone
	}
	to := uint64(size)
	if last != "" {
		if to, err = strconv.ParseUint(last, 10, 63); err != nil || to < from {
			return r, rangeNone
		}
		to = min(to+1, uint64(size))
	}
	return satisfied(byteRange{int64(from), int64(to) - int64(from)})
}

func satisfied(r byteRange) (byteRange, int) {
	if r.length <= 0 {
		return byteRange{}, rangeUnsatisfiable
	}
	return r, rangeGiven
}
