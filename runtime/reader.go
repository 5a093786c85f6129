package runtime

import (
	"fmt"
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

func (r *reader) left() int { return len(r.data) - r.at }

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
	if r.err != nil || r.left() == 0 {
		r.fail("truncated", "the file ends in the middle")
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
	r.fail("bad_number", "a number is longer than its type allows")
	return 0
}

// skipNumber skips a signed LEB128 number of at most so many bytes.
func (r *reader) skipNumber(most int) {
	for range most {
		if r.byte() < 0x80 {
			return
		}
	}
	r.fail("bad_number", "a number is longer than its type allows")
}

// count reads the length of a vector. Every element takes a byte at least, so a
// count above what is left is a lie and nothing is sized by it.
func (r *reader) count(most int) int {
	n := r.uint32()
	switch {
	case r.err != nil:
		return 0
	case int64(n) > int64(r.left()):
		r.fail("truncated", fmt.Sprintf("%d elements are announced and %d bytes are left", n, r.left()))
		return 0
	case int64(n) > int64(most):
		r.fail("too_many", fmt.Sprintf("%d elements; %d are the most", n, most))
		return 0
	}
	return int(n)
}

func (r *reader) bytes(n uint32) []byte {
	if r.err != nil || int64(n) > int64(r.left()) {
		r.fail("truncated", "the file ends in the middle")
		return nil
	}
	b := r.data[r.at : r.at+int(n)]
	r.at += int(n)
	return b
}

func (r *reader) rest() []byte { return r.bytes(uint32(r.left())) }

// vector reads bytes with their number before them.
func (r *reader) vector() []byte { return r.bytes(r.uint32()) }

// name reads a name, which must be UTF-8.
func (r *reader) name() string {
	b := r.vector()
	if !utf8.Valid(b) {
		r.fail("bad_name", "a name is not UTF-8")
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

func (r *reader) tableType() (typ byte, l limits) {
	if typ = r.byte(); typ != funcref && typ != externref {
		r.fail("unsupported_feature", fmt.Sprintf("table type 0x%02x is of a proposal that is off", typ))
	}
	if l = r.limits(); l.min > maxTable {
		r.fail("table_too_large", fmt.Sprintf("a table begins with %d elements; %d are the most", l.min, maxTable))
	}
	return typ, l
}

func (r *reader) globalType() {
	r.valueType()
	r.byte()
}

// constant skips an expression that initializes something: one instruction, and its end.
func (r *reader) constant() {
	switch op := r.byte(); op {
	case opI32Const:
		r.skipNumber(5)
	case opI64Const:
		r.skipNumber(10)
	case opF32Const:
		r.bytes(4)
	case opF64Const:
		r.bytes(8)
	case opGlobalGet, opRefFunc:
		r.uint32()
	case opRefNull:
		r.byte()
	case opVector:
		r.uint32()
		r.bytes(16)
	default:
		r.fail("unsupported_feature", fmt.Sprintf("instruction 0x%02x in a constant expression is of a proposal that is off", op))
	}
	if r.byte() != opEnd {
		r.fail("unsupported_feature", "a constant expression has more than one instruction")
	}
}

// Instructions of constant expressions.
const (
	opEnd       = 0x0b
	opGlobalGet = 0x23
	opI32Const  = 0x41
	opI64Const  = 0x42
	opF32Const  = 0x43
	opF64Const  = 0x44
	opRefNull   = 0xd0
	opRefFunc   = 0xd2
	opVector    = 0xfd
)
