package programs

import "github.com/carrelhq/carrel/runtime/wasm"

// Numbers at which something changes.
var (
	edges   = []uint64{0, 1, 2, 7, 64, 255, 1 << 16, 1<<31 - 1, 1 << 31, 1<<32 - 1, 1 << 63, 1<<64 - 1}
	edges32 = []uint32{0, 1 << 31, 0x3f800000, 0xc0490fdb, 0x4f000000, 0x5f000000, 0x7f800000, 0xff800000, 0x7fc00000, 1}
	edges64 = []uint64{
		0, 1 << 63, 0x3ff0000000000000, 0xc00921fb54442d18, 0x41e0000000000000, 0x43e0000000000000,
		0x7ff0000000000000, 0xfff0000000000000, 0x7ff8000000000000, 1,
	}
)

// constant writes a constant of a type.
func (e *encoder) constant(c *choices, t wasm.ValueType) {
	edge := c.once(2)
	number := func(bytes int) uint64 {
		if edge {
			return pick(c, edges)
		}
		return c.bits(bytes)
	}
	switch t {
	case wasm.I32:
		e.i32(int32(number(2)))
	case wasm.I64:
		e.i64(int64(number(8)))
	case wasm.F32:
		e.f32(pick(c, edges32))
	case wasm.F64:
		e.f64(pick(c, edges64))
	case wasm.V128:
		e.op(wasm.OpV128Const)
		for range 16 {
			e.byte(byte(number(1)))
		}
	}
}
