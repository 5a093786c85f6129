package rewrite

import "github.com/carrelhq/carrel/runtime/wasm"

// lightness tells whether callers pay for a function: a short one that calls
// nothing and has no loop is left as it is.
type lightness struct {
	light bool
	cost  int64
}

// classify finds the light functions.
func (w *rewriter) classify() {
	w.light = make([]lightness, len(w.m.Funcs))
	for i := range w.m.Code {
		w.light[w.m.ImportedFuncs+i] = weigh(&w.m.Code[i])
	}
}

// weigh adds up a body that may be light.
func weigh(b *wasm.Body) (l lightness) {
	if b.NumLocals > maxLightLocals || len(b.Code) > maxLightBytes {
		return l
	}
	for it := b.Instructions(); it.Next(); {
		if heavy[it.Op] {
			return lightness{}
		}
		if l.cost += costs[it.Op]; l.cost > lightCost {
			return lightness{}
		}
	}
	l.light = true
	return l
}

// A light function is not counted on the stack, so its frame must be small.
const (
	maxLightLocals = 64
	maxLightBytes  = 1024
)

// changes are the instructions that are edited; with loops, indirect calls and
// memory.grow they are heavy: a function that has one pays for itself. Those by
// length pay for the length that is on the stack.
var changes, heavy, byLength [0x10000]bool

func init() {
	for _, op := range []wasm.Op{
		wasm.OpCall, wasm.OpRefFunc, wasm.OpReturn, wasm.OpMemoryFill, wasm.OpMemoryCopy, wasm.OpMemoryInit,
		wasm.OpTableSet, wasm.OpTableFill, wasm.OpTableCopy, wasm.OpTableInit, wasm.OpTableGrow, wasm.OpElemDrop, wasm.OpDataDrop,
	} {
		changes[op], heavy[op] = true, op != wasm.OpReturn
	}
	for _, op := range []wasm.Op{wasm.OpTableFill, wasm.OpTableCopy, wasm.OpTableInit, wasm.OpTableGrow} {
		byLength[op] = true
	}
	for _, op := range []wasm.Op{wasm.OpLoop, wasm.OpCallIndirect, wasm.OpMemoryGrow} {
		heavy[op] = true
	}
}
