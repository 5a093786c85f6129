package programs

import "github.com/carrelhq/carrel/runtime/wasm"

// callFor calls a function that has these results, or any if there are none, whose
// results go to locals.
func (b *body) callFor(results string) {
	index, ok := b.callee(results)
	if !ok {
		if results == "" {
			b.store()
			return
		}
		b.leaf(results[0])
		return
	}
	t := b.program.function(index).FuncType
	b.values(t.Params)
	if b.once(3) {
		b.callIndirect(index, t)
	} else {
		b.code.op(wasm.OpCall, index)
	}
	if results != "" {
		return
	}
	for i := len(t.Results) - 1; i >= 0; i-- {
		b.code.op(wasm.OpLocalSet, b.local(t.Results[i]))
	}
}

// callee returns a random function: one that comes later, or any at times, so that
// calls may go round in circles.
func (b *body) callee(results string) (index int, ok bool) {
	from := b.callable
	if !b.calm && b.once(12) {
		from = b.random
	}
	var fit []int
	for _, f := range from {
		if results == "" || b.program.function(f).Results == results {
			fit = append(fit, f)
		}
	}
	if len(fit) == 0 {
		return 0, false
	}
	return pick(&b.choices, fit), true
}

// callIndirect calls by the place where the function is when the program begins,
// or by any place.
func (b *body) callIndirect(index int, t wasm.FuncType) {
	if b.once(10) {
		b.place(0)
	} else {
		b.code.i32(int32(index - b.random[0]))
	}
	b.code.op(wasm.OpCallIndirect, b.typeOf(t), 0)
}
