package programs

import "github.com/carrelhq/carrel/runtime/wasm"

// operator is an instruction that makes a value of values.
type operator struct {
	op     wasm.Op
	params string
	lane   int // immediate, -1 for none
}

// operators are all numeric instructions, and some of those for vectors, by what
// they make. traps has those that may trap.
var operators, traps = map[wasm.ValueType][]operator{}, map[wasm.ValueType][]operator{}

func init() {
	const i32, i64, f32, f64, v128 = "\x7f", "\x7e", "\x7d", "\x7c", "\x7b"
	add := func(result, params string, from, to wasm.Op) {
		list := operators
		if trapping(from) {
			list = traps
		}
		for op := from; op <= to; op++ {
			list[result[0]] = append(list[result[0]], operator{op, params, -1})
		}
	}
	add(i32, i32, 0x45, 0x45) // eqz
	add(i32, i32+i32, 0x46, 0x4f)
	add(i32, i64, 0x50, 0x50)
	add(i32, i64+i64, 0x51, 0x5a)
	add(i32, f32+f32, 0x5b, 0x60)
	add(i32, f64+f64, 0x61, 0x66)
	add(i32, i32, 0x67, 0x69) // clz, ctz, popcnt
	add(i32, i32+i32, 0x6a, 0x6c)
	add(i32, i32+i32, 0x6d, 0x70) // div, rem
	add(i32, i32+i32, 0x71, 0x78)
	add(i64, i64, 0x79, 0x7b)
	add(i64, i64+i64, 0x7c, 0x7e)
	add(i64, i64+i64, 0x7f, 0x82)
	add(i64, i64+i64, 0x83, 0x8a)
	add(f32, f32, 0x8b, 0x91) // abs to sqrt
	add(f32, f32+f32, 0x92, 0x98)
	add(f64, f64, 0x99, 0x9f)
	add(f64, f64+f64, 0xa0, 0xa6)
	add(i32, i64, 0xa7, 0xa7) // conversions
	add(i32, f32, 0xa8, 0xa9)
	add(i32, f64, 0xaa, 0xab)
	add(i64, i32, 0xac, 0xad)
	add(i64, f32, 0xae, 0xaf)
	add(i64, f64, 0xb0, 0xb1)
	add(f32, i32, 0xb2, 0xb3)
	add(f32, i64, 0xb4, 0xb5)
	add(f32, f64, 0xb6, 0xb6)
	add(f64, i32, 0xb7, 0xb8)
	add(f64, i64, 0xb9, 0xba)
	add(f64, f32, 0xbb, 0xbb)
	add(i32, f32, 0xbc, 0xbc) // reinterpretations
	add(i64, f64, 0xbd, 0xbd)
	add(f32, i32, 0xbe, 0xbe)
	add(f64, i64, 0xbf, 0xbf)
	add(i32, i32, 0xc0, 0xc1) // extensions
	add(i64, i64, 0xc2, 0xc4)
	add(i32, f32, 0xfc00, 0xfc01) // conversions that do not trap
	add(i32, f64, 0xfc02, 0xfc03)
	add(i64, f32, 0xfc04, 0xfc05)
	add(i64, f64, 0xfc06, 0xfc07)

	add(v128, i32, 0xfd0f, 0xfd11) // splats
	add(v128, i64, 0xfd12, 0xfd12)
	add(v128, v128, 0xfd4d, 0xfd4d)
	add(v128, v128+v128, 0xfd4e, 0xfd51)
	for _, op := range []wasm.Op{0xfd6e, 0xfd8e, 0xfdae, 0xfdce, 0xfdd1, 0xfdb5} { // additions and the like
		add(v128, v128+v128, op, op)
	}
	add(i32, v128, 0xfd53, 0xfd53)
	operators[wasm.I32] = append(operators[wasm.I32], operator{0xfd1b, v128, 3}, operator{0xfd15, v128, 9})
	operators[wasm.I64] = append(operators[wasm.I64], operator{wasm.OpI64x2Extract, v128, 1})
}

// trapping tells of divisions and conversions which may trap, by the first of a kind.
func trapping(op wasm.Op) bool {
	return op == 0x6d || op == 0x7f || op == 0xa8 || op == 0xaa || op == 0xae || op == 0xb0
}

// orders tells of comparisons of integers for less and greater.
func orders(op wasm.Op) bool { return op >= 0x48 && op <= 0x4f || op >= 0x53 && op <= 0x5a }

// saturating is the conversion that does not trap where this one does.
func saturating(op wasm.Op) wasm.Op {
	if op >= 0xae {
		return 0xfc04 + op - 0xae
	}
	return 0xfc00 + op - 0xa8
}

// access is a load or a store.
type access struct {
	op    wasm.Op
	align int
}

var loads = map[wasm.ValueType][]access{
	wasm.I32:  {{0x28, 2}, {0x2c, 0}, {0x2d, 0}, {0x2e, 1}, {0x2f, 1}},
	wasm.I64:  {{0x29, 3}, {0x30, 0}, {0x31, 0}, {0x32, 1}, {0x33, 1}, {0x34, 2}, {0x35, 2}},
	wasm.F32:  {{0x2a, 2}},
	wasm.F64:  {{0x2b, 3}},
	wasm.V128: {{0xfd00, 4}},
}

var stores = map[wasm.ValueType][]access{
	wasm.I32:  {{0x36, 2}, {0x3a, 0}, {0x3b, 1}},
	wasm.I64:  {{0x37, 3}, {0x3c, 0}, {0x3d, 1}, {0x3e, 2}},
	wasm.F32:  {{0x38, 2}},
	wasm.F64:  {{0x39, 3}},
	wasm.V128: {{0xfd0b, 4}},
}
