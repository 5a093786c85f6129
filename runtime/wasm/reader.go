package wasm

import (
	"fmt"
	"unicode/utf8"

	"github.com/carrelhq/carrel/abi"
)

// reader takes bytes apart. Its first fault sticks: later reads return zero
// values. Offsets in errors count from the start of the file.
type reader struct {
	data    []byte
	base    int // offset of data in the file
	at      int
	section string
	err     error
}

func (r *reader) more() bool { return r.err == nil && r.at < len(r.data) }

func (r *reader) left() int { return len(r.data) - r.at }

// fail keeps the first fault: which rule, where, and what to do.
func (r *reader) fail(rule *abi.Rule, format string, args ...any) {
	if r.err == nil {
		r.err = &abi.Refusal{
			Rule:    rule.Name,
			Problem: fmt.Sprintf("%s (%s section, byte %d)", fmt.Sprintf(format, args...), r.section, r.base+r.at),
			Advice:  rule.Advice,
		}
	}
}

// atMost holds a number to a rule.
func (r *reader) atMost(n uint64, rule *abi.Rule) bool {
	if n > uint64(rule.Most) {
		r.fail(rule, "%s", over(rule, n))
	}
	return r.err == nil
}

func (r *reader) byte() byte {
	if r.err != nil || r.at >= len(r.data) {
		r.fail(truncated, "%s", truncated.What)
		return 0
	}
	b := r.data[r.at]
	r.at++
	return b
}

// uint32 reads an unsigned LEB128 number of 32 bits.
func (r *reader) uint32() (n uint32) {
	for shift := 0; shift < 35; shift += 7 {
		b := r.byte()
		if shift == 28 && b > 0x0f {
			break
		}
		n |= uint32(b&0x7f) << shift
		if b < 0x80 {
			return n
		}
	}
	r.fail(badNumber, "%s", badNumber.What)
	return 0
}

// int33 reads a signed LEB128 number of 33 bits, as block types are.
func (r *reader) int33() (n int64) {
	for shift := 0; shift < 35; shift += 7 {
		b := r.byte()
		n |= int64(b&0x7f) << shift
		if b >= 0x80 {
			continue
		}
		if b&0x40 != 0 {
			n |= -1 << (shift + 7)
		}
		if n < -1<<32 || n >= 1<<32 {
			break
		}
		return n
	}
	r.fail(badNumber, "%s", badNumber.What)
	return 0
}

// skipNumber skips a signed LEB128 number of at most so many bytes.
func (r *reader) skipNumber(most int) {
	for range most {
		if r.byte() < 0x80 {
			return
		}
	}
	r.fail(badNumber, "%s", badNumber.What)
}

// count reads the length of a vector. Every element takes a byte at least, so a
// count above what is left is a lie and nothing is sized by it.
func (r *reader) count(rule *abi.Rule) int {
	n := r.uint32()
	if r.err == nil && int64(n) > int64(r.left()) {
		r.fail(truncated, "%d %s are announced and %d bytes are left", n, rule.What, r.left())
	}
	if r.err != nil || !r.atMost(uint64(n), rule) {
		return 0
	}
	return int(n)
}

func (r *reader) bytes(n uint32) []byte {
	if r.err != nil || int64(n) > int64(r.left()) {
		r.fail(truncated, "%s", truncated.What)
		return nil
	}
	b := r.data[r.at : r.at+int(n) : r.at+int(n)]
	r.at += int(n)
	return b
}

func (r *reader) rest() []byte { return r.bytes(uint32(r.left())) }

// name reads a name, which must be UTF-8.
func (r *reader) name() string {
	b := r.bytes(r.uint32())
	if !utf8.Valid(b) {
		r.fail(badName, "%s", badName.What)
		return ""
	}
	return string(b)
}

// sub returns a reader of the next n bytes and skips them.
func (r *reader) sub(n uint32) *reader {
	s := &reader{base: r.base + r.at, section: r.section}
	s.data = r.bytes(n)
	s.err = r.err
	return s
}

// index reads an index below n.
func (r *reader) index(n int, of string) uint32 {
	i := r.uint32()
	if r.err == nil && int64(i) >= int64(n) {
		r.fail(badIndex, "%s %d is not there; there are %d", of, i, n)
		return 0
	}
	return i
}

func (r *reader) valueType() ValueType {
	b := r.byte()
	if r.err == nil && !isValueType(b) {
		r.fail(unsupported, "value type 0x%02x is of a proposal that is off", b)
	}
	return b
}

func isValueType(b byte) bool { return b >= V128 && b <= I32 || b == Funcref || b == Externref }

// valueTypes reads a vector of value types.
func (r *reader) valueTypes() string {
	n := r.count(maxParams)
	start := r.at
	for range n {
		r.valueType()
	}
	if r.err != nil {
		return ""
	}
	return string(r.data[start:r.at])
}

// limits reads the bounds of a table or memory. Other flags than "has a maximum"
// are of proposals that are off.
func (r *reader) limits() (l Limits) {
	flags := r.byte()
	if r.err == nil && flags > 1 {
		r.fail(unsupported, "limits flags 0x%02x: shared and 64-bit memories and tables are off", flags)
	}
	l.Min = uint64(r.uint32())
	if l.Bounded = flags == 1; l.Bounded {
		l.Max = uint64(r.uint32())
	}
	return l
}

func (r *reader) tableType() (t Table) {
	if t.Type = r.byte(); r.err == nil && t.Type != Funcref && t.Type != Externref {
		r.fail(unsupported, "table type 0x%02x is of a proposal that is off", t.Type)
	}
	t.Limits = r.limits()
	r.atMost(t.Min, maxTable)
	return t
}

func (r *reader) globalType() (g Global) {
	g.Type = r.valueType()
	switch r.byte() {
	case 0:
	case 1:
		g.Mutable = true
	default:
		r.fail(unsupported, "a global is neither constant nor variable")
	}
	return g
}
