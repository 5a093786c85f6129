package programs

import "github.com/carrelhq/carrel/runtime/wasm"

func (b *body) statements(n int) {
	for range n {
		b.statement()
	}
}

// statement leaves nothing on the stack.
func (b *body) statement() {
	b.nodes--
	if b.nodes <= 0 || len(b.labels) > 20 {
		return
	}
	switch n := b.below(32); {
	case n < 4:
		t := pick(&b.choices, valueTypes)
		b.value(t)
		b.code.op(wasm.OpLocalSet, b.local(t))
	case n < 8:
		b.setGlobal()
	case n < 13:
		b.store()
	case n < 16:
		b.when(func() { b.statements(1 + b.below(3)) })
	case n < 17:
		b.block(wasm.OpBlock, "", func() { b.statements(1 + b.below(3)) })
	case n < 21:
		b.loop()
	case n < 25:
		b.callFor("")
	case n < 26:
		b.when(b.leave)
	case n < 27:
		b.brIf()
	case n < 29:
		b.bulk()
	default:
		b.rare()
	}
}

// setGlobal sets a global, of references too.
func (b *body) setGlobal() {
	t := pick(&b.choices, valueTypes)
	if i := b.global(wasm.Funcref, true); i >= 0 && b.once(4) {
		b.reference(0)
		b.code.op(wasm.OpGlobalSet, i)
		return
	}
	b.value(t)
	if i := b.global(t, true); i >= 0 {
		b.code.op(wasm.OpGlobalSet, i)
		return
	}
	b.code.op(opDrop)
}

// when does something if a number is not zero, and another thing otherwise at times.
func (b *body) when(then func()) {
	b.value(wasm.I32)
	if b.once(2) {
		b.code.i32(int32(1 + b.below(3)))
		b.code.op(opI32And)
	}
	b.block(wasm.OpIf, "", func() {
		then()
		if b.once(3) {
			b.code.op(wasm.OpElse)
			b.statements(1 + b.below(2))
		}
	})
}

// loop is a loop of some rounds, or as many as chance has it.
func (b *body) loop() {
	if !b.calm && b.once(5) {
		b.block(wasm.OpLoop, "", func() {
			b.statements(1 + b.below(4))
			b.value(wasm.I32)
			b.code.op(wasm.OpBrIf, 0)
		})
		return
	}
	if b.calm && b.rounds >= 2 {
		b.store()
		return
	}
	b.rounds++
	defer func() { b.rounds-- }()
	counter := b.newLocal(wasm.I32)
	b.counters = append(b.counters, counter)
	b.code.i32(int32(1 + b.below(9)))
	b.code.op(wasm.OpLocalSet, counter)
	b.block(wasm.OpLoop, "", func() {
		b.statements(1 + b.below(4))
		b.code.op(wasm.OpLocalGet, counter)
		b.code.i32(1)
		b.code.op(wasm.OpI32Sub)
		b.code.op(wasm.OpLocalTee, counter)
		b.code.op(wasm.OpBrIf, 0)
	})
}

// leave ends the block that it is in: by a branch, a return or a trap. What
// follows is not reached.
func (b *body) leave() {
	switch n := b.below(8); {
	case n == 0 && !b.calm && b.once(3):
		b.code.op(wasm.OpUnreachable)
	case n < 3:
		b.values(b.typ.Results)
		b.code.op(wasm.OpReturn)
	case n < 5:
		b.brTable()
	default:
		if depths := b.targets(anything); len(depths) > 0 {
			d := pick(&b.choices, depths)
			b.values(b.typesOf(d))
			b.code.op(wasm.OpBr, d)
		}
	}
	b.statements(b.below(2))
}

func (b *body) brIf() {
	if depths := b.targets(only("")); len(depths) > 0 {
		b.value(wasm.I32)
		b.code.op(wasm.OpBrIf, pick(&b.choices, depths))
	}
}

// brTable goes to one of some labels that take the same types along.
func (b *body) brTable() {
	last := pick(&b.choices, b.targets(anything)) // the function's own label is always among them
	types := b.typesOf(last)
	depths := b.targets(only(types))
	b.values(types)
	b.within(7)
	n := b.below(5)
	b.code.op(wasm.OpBrTable, n)
	for range n {
		if len(depths) == 0 {
			depths = []int{last}
		}
		b.code.uint(pick(&b.choices, depths))
	}
	b.code.uint(last)
}

// rare is what makes a sandbox unfit to be used again, where the program does that
// at all, and calls of the host.
func (b *body) rare() {
	does := []func(){b.store}
	if b.grows {
		does = append(does, b.growMemory)
	}
	if b.changesTables {
		does = append(does, func() { b.when(b.changeTable) })
	}
	if b.drops {
		does = append(does, func() { b.when(func() { b.code.op(wasm.OpDataDrop, 1) }) })
	}
	if len(b.imports) > 0 {
		does = append(does, b.callHost)
	}
	if b.calm && !b.once(8) {
		does = does[:1]
	}
	pick(&b.choices, does)()
}

func (b *body) growMemory() {
	b.when(func() {
		b.within(3)
		b.code.op(wasm.OpMemoryGrow, 0)
		b.code.op(opDrop)
	})
}

func (b *body) callHost() {
	b.code.i32(0)
	b.code.i32(0)
	b.code.op(wasm.OpCall, 0)
	b.code.op(opDrop)
}
