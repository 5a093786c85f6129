package rewrite

import (
	"encoding/binary"
	"fmt"

	"github.com/carrelhq/carrel/abi"
	"github.com/carrelhq/carrel/runtime/wasm"
)

// encoder writes the binary format.
type encoder []byte

func (e *encoder) byte(b ...byte)  { *e = append(*e, b...) }
func (e *encoder) bytes(b []byte)  { *e = append(*e, b...) }
func (e *encoder) uint(n uint64)   { *e = binary.AppendUvarint(*e, n) }
func (e *encoder) index(n uint32)  { e.uint(uint64(n)) }
func (e *encoder) vector(b []byte) { e.uint(uint64(len(b))); e.bytes(b) }
func (e *encoder) name(s string)   { e.uint(uint64(len(s))); *e = append(*e, s...) }

// int writes a signed LEB128 number.
func (e *encoder) int(n int64) {
	for {
		b := byte(n & 0x7f)
		n >>= 7
		if n == 0 && b&0x40 == 0 || n == -1 && b&0x40 != 0 {
			e.byte(b)
			return
		}
		e.byte(b | 0x80)
	}
}

// section writes a section, unless it is empty.
func (e *encoder) section(id byte, count int, payload encoder) {
	if count == 0 {
		return
	}
	var head encoder
	head.uint(uint64(count))
	e.byte(id)
	e.uint(uint64(len(head) + len(payload)))
	e.bytes(head)
	e.bytes(payload)
}

// op writes instructions without immediates.
func (e *encoder) op(ops ...wasm.Op) {
	for _, op := range ops {
		if op > 0xff {
			e.byte(byte(op >> 8))
			e.uint(uint64(op & 0xff))
		} else {
			e.byte(byte(op))
		}
	}
}

// with writes an instruction with indexes behind it.
func (e *encoder) with(op wasm.Op, indexes ...uint32) {
	e.op(op)
	for _, i := range indexes {
		e.index(i)
	}
}

func (e *encoder) i32(n int32) {
	e.op(wasm.OpI32Const)
	e.int(int64(n))
}

func (e *encoder) i64(n int64) {
	e.op(wasm.OpI64Const)
	e.int(n)
}

// emptyBlock is the type of a block without parameters and results.
const emptyBlock = 0x40

func (e *encoder) block(op wasm.Op) { e.byte(byte(op), emptyBlock) }

// constant evaluates an expression that is a number.
func constant(expr []byte) (uint32, bool) {
	if len(expr) < 3 || wasm.Op(expr[0]) != wasm.OpI32Const {
		return 0, false
	}
	var n int64
	shift := 0
	for _, b := range expr[1:] {
		n |= int64(b&0x7f) << shift
		shift += 7
		if b < 0x80 {
			if b&0x40 != 0 && shift < 64 {
				n |= -1 << shift
			}
			return uint32(n), true
		}
	}
	return 0, false
}

func refuse(rule string, segment int, problem string) error {
	return &abi.Refusal{
		Rule: rule, Problem: fmt.Sprintf("data segment %d %s", segment, problem),
		Advice: "the file is damaged, or made for another host; build it again",
	}
}
