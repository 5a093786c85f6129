package runtime

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/carrelhq/carrel/abi"
)

// reader takes the binary format apart. Its first fault sticks: later reads
// return zero values. Offsets in errors count from the start of the file.
type reader struct {
	data    []byte
	base    int // offset of data in the file
	at      int
	section string
	err     error
}

func (r *reader) more() bool { return r.err == nil && r.at < len(r.data) }

func (r *reader) refuse(rule, problem string) error {
	return &abi.Refusal{
		Rule:    rule,
		Problem: fmt.Sprintf("%s (%s section, byte %d)", problem, r.section, r.base+r.at),
		Advice:  adviceFor(rule),
	}
}

func (r *reader) fail(rule, problem string) {
	if r.err == nil {
		r.err = r.refuse(rule, problem)
	}
}

func (r *reader) byte() byte {
	if r.err != nil || r.at >= len(r.data) {
		r.fail("truncated", "the file ends in the middle")
		return 0
	}
	b := r.data[r.at]
	r.at++
	return b
}

// uint32 reads an unsigned LEB128 number of 32 bits.
func (r *reader) uint32() uint32 {
	n := r.leb(32)
	return uint32(n)
}

func (r *reader) leb(bits int) (n uint64) {
	for shift := 0; shift < bits; shift += 7 {
		b := r.byte()
		if r.err != nil {
			return 0
		}
		if shift+7 > bits && b>>(bits-shift) != 0 {
			break
		}
		n |= uint64(b&0x7f) << shift
		if b < 0x80 {
			return n
		}
	}
	r.fail("bad_number", "a number is longer than its type allows")
	return 0
}

// count reads the length of a vector. Every element takes a byte at least, so a
// count above what is left is a lie and nothing is sized by it.
func (r *reader) count(max int) int {
	n := r.uint32()
	switch {
	case r.err != nil:
		return 0
	case int64(n) > int64(len(r.data)-r.at):
		r.fail("truncated", fmt.Sprintf("%d elements are announced and %d bytes are left", n, len(r.data)-r.at))
		return 0
	case int64(n) > int64(max):
		r.fail("too_many", fmt.Sprintf("%d elements; %d are the most", n, max))
		return 0
	}
	return int(n)
}

func (r *reader) bytes(n int) []byte {
	if r.err != nil || n > len(r.data)-r.at {
		r.fail("truncated", "the file ends in the middle")
		return nil
	}
	b := r.data[r.at : r.at+n]
	r.at += n
	return b
}

func (r *reader) rest() []byte { return r.bytes(len(r.data) - r.at) }

// name reads a name, which must be UTF-8.
func (r *reader) name() string {
	b := r.bytes(int(min(r.uint32(), 1<<30)))
	if !utf8.Valid(b) {
		r.fail("bad_name", "a name is not UTF-8")
		return ""
	}
	return string(b)
}

// sub returns a reader of the next n bytes and skips them.
func (r *reader) sub(n uint32) *reader {
	at := r.at
	return &reader{data: r.bytes(int(min(n, 1<<30))), base: r.base + at, section: r.section, err: r.err}
}

// limits reads the limits of a memory or table. Flags beyond "has a maximum" are
// of proposals that are off.
func (r *reader) limits() (l limits) {
	flags := r.byte()
	if flags > 1 {
		r.fail("unsupported_feature", fmt.Sprintf("limits flags 0x%02x: shared and 64-bit memories and tables are off", flags))
		return l
	}
	l.min = uint64(r.uint32())
	if l.bounded = flags == 1; l.bounded {
		l.max = uint64(r.uint32())
	}
	return l
}

func valueTypes(s string) string {
	names := make([]string, len(s))
	for i := range len(s) {
		names[i] = valueType(s[i])
	}
	return strings.Join(names, ", ")
}

func resultText(s string) string {
	if len(s) == 1 {
		return valueType(s[0])
	}
	return "(" + valueTypes(s) + ")"
}

func valueType(b byte) string {
	switch b {
	case 0x7f:
		return "i32"
	case 0x7e:
		return "i64"
	case 0x7d:
		return "f32"
	case 0x7c:
		return "f64"
	case 0x7b:
		return "v128"
	case 0x70:
		return "funcref"
	case 0x6f:
		return "externref"
	}
	return fmt.Sprintf("0x%02x", b)
}
