package programs

import "github.com/carrelhq/carrel/runtime/wasm"

// values pushes one value of each type.
func (b *body) values(types string) {
	for i := range len(types) {
		b.value(types[i])
	}
}

// value pushes a value.
func (b *body) value(t wasm.ValueType) {
	b.nodes--
	if b.nodes <= 0 || len(b.labels) > 20 {
		b.leaf(t)
		return
	}
	switch n := b.below(32); {
	case n < 6:
		b.leaf(t)
	case n < 17:
		b.operate(t)
	case n < 20:
		b.load(t)
	case n < 22:
		b.choose(t)
	case n < 23:
		b.value(t)
		b.code.op(wasm.OpLocalTee, b.local(t))
	case n < 25:
		b.blockOf(t)
	case n < 26:
		b.ifOf(t)
	case n < 30:
		b.callFor(string(rune(t)))
	case n < 31:
		b.brIfWith(t)
	default:
		b.leaveFor(t)
	}
}

// leaf pushes a value that needs no others.
func (b *body) leaf(t wasm.ValueType) {
	switch n := b.below(8); {
	case n < 2:
		b.code.constant(&b.choices, t)
	case n < 4 && b.global(t, false) >= 0:
		b.code.op(wasm.OpGlobalGet, b.global(t, false))
	case n < 6 && t == wasm.I32:
		b.code.op(wasm.OpCall, b.chance)
	default:
		b.code.op(wasm.OpLocalGet, b.local(t))
	}
}

// operate pushes what an operator makes.
func (b *body) operate(t wasm.ValueType) {
	if t == wasm.I32 && b.once(16) {
		b.inspect()
		return
	}
	if list := traps[t]; list != nil && b.once(8) {
		o := pick(&b.choices, list)
		b.values(o.params)
		b.mayTrap(t, o)
		return
	}
	o := pick(&b.choices, operators[t])
	for i := range len(o.params) {
		b.value(o.params[i])
		if orders(o.op) {
			b.plain(o.params[i])
		}
	}
	b.code.op(o.op)
	if o.lane >= 0 {
		b.code.byte(byte(o.lane))
	}
	b.canonical(t)
}

// plain makes an integer the result of something else than an and: see the
// package's comment.
func (b *body) plain(t wasm.ValueType) {
	switch t {
	case wasm.I32:
		b.code.i32(0)
		b.code.op(opI32Or)
	case wasm.I64:
		b.code.i64(0)
		b.code.op(opI64Or)
	}
}

// mayTrap is an operator that traps at some values, kept from it nearly always: by
// a divisor other than zero, or by the conversion that saturates.
func (b *body) mayTrap(t wasm.ValueType, o operator) {
	switch {
	case !b.calm && b.once(16):
		b.code.op(o.op)
	case len(o.params) < 2:
		b.code.op(saturating(o.op))
	case t == wasm.I32:
		b.code.i32(1)
		b.code.ops(opI32Or, o.op)
	default:
		b.code.i64(1)
		b.code.ops(opI64Or, o.op)
	}
}

// canonical gives a float that is not a number the bits of the usual one.
func (b *body) canonical(t wasm.ValueType) {
	switch t {
	case wasm.F32:
		b.code.op(wasm.OpCall, b.canonical32)
	case wasm.F64:
		b.code.op(wasm.OpCall, b.canonical64)
	}
}

// inspect pushes something about memory or a table.
func (b *body) inspect() {
	t := b.below(len(b.tables))
	switch b.below(3) {
	case 0:
		b.code.op(wasm.OpMemorySize, 0)
	case 1:
		b.code.op(opTableSize, t)
	default:
		b.place(t)
		b.code.op(opTableGet, t)
		b.code.op(opRefIsNull)
	}
}

func (b *body) load(t wasm.ValueType) {
	a := pick(&b.choices, loads[t])
	b.access(a, func() {})
}

// choose is a select, in one of its two forms.
func (b *body) choose(t wasm.ValueType) {
	b.value(t)
	b.value(t)
	b.value(wasm.I32)
	if b.once(2) {
		b.code.op(opSelectTyped, 1)
		b.code.byte(t)
		return
	}
	b.code.op(opSelect)
}

// blockOf is a block or a loop that makes a value, of another one sometimes.
func (b *body) blockOf(t wasm.ValueType) {
	op := pick(&b.choices, []wasm.Op{wasm.OpBlock, wasm.OpBlock, wasm.OpLoop})
	b.block(op, string(rune(t)), func() {
		b.statements(b.below(3))
		b.value(t)
	})
}

func (b *body) ifOf(t wasm.ValueType) {
	b.value(wasm.I32)
	b.block(wasm.OpIf, string(rune(t)), func() {
		b.statements(b.below(2))
		b.value(t)
		b.code.op(wasm.OpElse)
		b.statements(b.below(2))
		b.value(t)
	})
}

// brIfWith takes a value along if it branches, and keeps it if it does not.
func (b *body) brIfWith(t wasm.ValueType) {
	b.value(t)
	if depths := b.targets(only(string(rune(t)))); len(depths) > 0 {
		b.value(wasm.I32)
		b.code.op(wasm.OpBrIf, pick(&b.choices, depths))
	}
}

// leaveFor branches away instead of making a value.
func (b *body) leaveFor(t wasm.ValueType) {
	b.value(wasm.I32)
	b.block(wasm.OpIf, string(rune(t)), func() {
		b.leave()
		b.code.op(wasm.OpElse)
		b.value(t)
	})
}
