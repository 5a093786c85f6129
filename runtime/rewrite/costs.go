package rewrite

import "github.com/carrelhq/carrel/runtime/wasm"

// Costs, in fuel. A unit is about what a simple instruction takes.
const (
	costCall         = 4    // of entering and leaving a function
	costCallIndirect = 6    // beside what a light function costs
	costHostCall     = 500  // of the way out and in; hosts charge for what they do
	costGrow         = 1000 // of memory.grow
	costBulk         = 16   // of a bulk instruction, beside its length
	bulkShift        = 2    // four bytes for a unit
	costRefill       = 0    // the host's time is not the guest's

	// lightCost is the most that a function may cost that its callers pay for.
	lightCost = 40
	// smallCost is the cost below which a branch is paid for by what comes before it.
	smallCost = 4
	// checkCost is about how much may be spent without looking, by whatever way
	// control goes.
	checkCost = 4096
)

// ops has the costs of instructions that are not 1.
var ops = map[wasm.Op]int64{
	wasm.OpNop: 0, wasm.OpBlock: 0, wasm.OpEnd: 0, wasm.OpElse: 0, wasm.OpLoop: 0, wasm.OpDrop: 0,
	wasm.OpLocalGet: 0, wasm.OpLocalSet: 0, wasm.OpLocalTee: 0, wasm.OpI32Const: 0, wasm.OpI64Const: 0,
	wasm.OpBrTable: 3, wasm.OpMemoryGrow: costGrow,
	wasm.OpMemoryFill: costBulk, wasm.OpMemoryCopy: costBulk, wasm.OpMemoryInit: costBulk,
	wasm.OpTableFill: costBulk, wasm.OpTableCopy: costBulk, wasm.OpTableInit: costBulk, wasm.OpTableGrow: costGrow,
}

// Instructions by their number.
const (
	firstLoad, lastStore   = 0x28, 0x3e
	i32DivS, i32RemU       = 0x6d, 0x70
	i64DivS, i64RemU       = 0x7f, 0x82
	f32Sqrt, f64Sqrt       = 0x91, 0x9f
	f32Div, f64Div         = 0x95, 0xa3
	costDivide, costAccess = 8, 2
)

// costOf is the cost of an instruction, calls and lengths aside.
func costOf(op wasm.Op) int64 {
	if c, ok := ops[op]; ok {
		return c
	}
	switch {
	case op >= firstLoad && op <= lastStore:
		return costAccess
	case op >= i32DivS && op <= i32RemU, op >= i64DivS && op <= i64RemU,
		op == f32Sqrt, op == f64Sqrt, op == f32Div, op == f64Div:
		return costDivide
	case op >= 0xfd00:
		return costAccess
	}
	return 1
}

// costs has costOf by number, as it is asked for every instruction.
var costs [0x10000]int64

func init() {
	for op := range costs {
		costs[op] = costOf(wasm.Op(op))
	}
}
