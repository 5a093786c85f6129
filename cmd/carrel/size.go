package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// byteSize is a number of bytes that people write as 64MiB. It is a flag's value.
type byteSize int64

var sizeUnits = []struct {
	name string
	size int64
}{
	{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10},
	{"GB", 1e9}, {"MB", 1e6}, {"KB", 1e3}, {"B", 1}, {"", 1},
}

// Set parses a whole number with an optional unit.
func (b *byteSize) Set(s string) error {
	for _, unit := range sizeUnits {
		digits, ok := strings.CutSuffix(s, unit.name)
		if !ok {
			continue
		}
		n, err := strconv.ParseInt(strings.TrimSpace(digits), 10, 64)
		if err != nil || n < 0 || n > math.MaxInt64/unit.size {
			break
		}
		*b = byteSize(n * unit.size)
		return nil
	}
	return fmt.Errorf("%q is not a size; write a whole number with KiB, MiB or GiB, as in 64MiB", s)
}

// String writes the size in the largest unit that divides it.
func (b byteSize) String() string {
	for _, unit := range sizeUnits[:3] {
		if n := int64(b); n != 0 && n%unit.size == 0 {
			return strconv.FormatInt(n/unit.size, 10) + unit.name
		}
	}
	return strconv.FormatInt(int64(b), 10)
}

// Type names the kind of value in the help.
func (byteSize) Type() string { return "size" }
