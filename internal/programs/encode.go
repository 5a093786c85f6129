package programs

import (
	"encoding/binary"

	"github.com/carrelhq/carrel/runtime/wasm"
)

// encoder writes the binary format.
type encoder []byte

// op writes an instruction with immediates that are indexes.
func (e *encoder) op(op wasm.Op, immediates ...int) {
	if op > 0xff {
		*e = append(*e, byte(op>>8))
		op &= 0xff
		e.uint(int(op))
	} else {
		*e = append(*e, byte(op))
	}
	for _, i := range immediates {
		e.uint(i)
	}
}

func (e *encoder) ops(list ...wasm.Op) {
	for _, op := range list {
		e.op(op)
	}
}

func (e *encoder) byte(b ...byte) { *e = append(*e, b...) }
func (e *encoder) uint(n int)     { *e = binary.AppendUvarint(*e, uint64(n)) }

func (e *encoder) int(n int64) {
	for {
		b := byte(n & 0x7f)
		if n >>= 7; n == 0 && b < 0x40 || n == -1 && b >= 0x40 {
			e.byte(b)
			return
		}
		e.byte(b | 0x80)
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

func (e *encoder) f32(bits uint32) {
	e.op(wasm.OpF32Const)
	*e = binary.LittleEndian.AppendUint32(*e, bits)
}

func (e *encoder) f64(bits uint64) {
	e.op(wasm.OpF64Const)
	*e = binary.LittleEndian.AppendUint64(*e, bits)
}

func (e *encoder) vector(b []byte) {
	e.uint(len(b))
	e.byte(b...)
}

// section writes a section that is a list, unless it is empty.
func (e *encoder) section(id byte, count int, content encoder) {
	if count == 0 {
		return
	}
	var whole encoder
	whole.uint(count)
	whole.byte(content...)
	e.byte(id)
	e.vector(whole)
}
