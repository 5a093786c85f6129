package programs

import "github.com/carrelhq/carrel/runtime/wasm"

// address pushes an address that is within memory, nearly always.
func (b *body) address() {
	b.value(wasm.I32)
	if b.strays() {
		return
	}
	b.code.i32(pick(&b.choices, []int32{0xff, 0xfff, 0xfff8, 0x7fff}))
	b.code.op(opI32And)
}

// length pushes a length that fits behind an address. Some are so long that the
// instruction is done in steps.
func (b *body) length() {
	b.value(wasm.I32)
	if b.strays() {
		return
	}
	b.code.i32(pick(&b.choices, []int32{7, 0xff, 0xfff}))
	b.code.op(opI32And)
}

// strays tells whether to leave bounds aside.
func (b *body) strays() bool {
	return b.once(128) && !(b.calm && b.once(2))
}

// access is a load or a store, of what value pushes.
func (b *body) access(a access, value func()) {
	b.address()
	value()
	offset := b.below(16)
	if b.strays() {
		offset = int(b.bits(3))
	}
	b.code.op(a.op, b.below(a.align+1), offset)
}

func (b *body) store() {
	t := pick(&b.choices, valueTypes)
	b.access(pick(&b.choices, stores[t]), func() { b.value(t) })
}

// bulk is a bulk instruction on memory.
func (b *body) bulk() {
	switch n := b.below(5); {
	case n == 0 && b.drops:
		b.address()
		b.within(15)
		b.within(15)
		b.code.op(wasm.OpMemoryInit, 1, 0)
	case n == 1:
		b.address()
		b.address()
		b.length()
		b.code.op(wasm.OpMemoryCopy, 0, 0)
	case n == 2 && b.pages > 1:
		b.whole()
	default:
		b.address()
		b.value(wasm.I32)
		b.length()
		b.code.op(wasm.OpMemoryFill, 0)
	}
}

// whole moves so much that it takes several steps, up or down.
func (b *body) whole() {
	to, from := int32(b.below(64)), int32(b.below(64))
	b.code.i32(to)
	b.code.i32(from)
	b.code.i32(int32(b.pages)*wasm.PageSize - 64 - int32(b.below(8)))
	b.code.op(wasm.OpMemoryCopy, 0, 0)
}

// within pushes a number up to most, one less than a power of two.
func (b *body) within(most int32) {
	b.value(wasm.I32)
	b.code.i32(most)
	b.code.op(opI32And)
}

// place pushes an index of a table's.
func (b *body) place(table int) {
	b.value(wasm.I32)
	if b.strays() {
		return
	}
	b.code.i32(7)
	b.code.op(opI32And)
}

// reference pushes a reference that fits into a table.
func (b *body) reference(table int) {
	switch t := b.tables[table].typ; {
	case t == wasm.Funcref && b.once(2):
		b.code.op(wasm.OpRefFunc, pick(&b.choices, b.random))
	case b.once(2):
		b.place(table)
		b.code.op(opTableGet, table)
	default:
		b.code.op(wasm.OpRefNull)
		b.code.byte(t)
	}
}

// changeTable does something that no reset undoes.
func (b *body) changeTable() {
	t := b.below(len(b.tables))
	funcs := b.tables[t].typ == wasm.Funcref
	switch n := b.below(8); {
	case n < 3:
		b.place(t)
		b.reference(t)
		b.code.op(wasm.OpTableSet, t)
	case n == 3:
		b.reference(t)
		b.within(3)
		b.code.op(wasm.OpTableGrow, t)
		b.code.op(opDrop)
	case n == 4:
		b.place(t)
		b.reference(t)
		b.within(3)
		b.code.op(wasm.OpTableFill, t)
	case n == 5 && funcs:
		b.place(t)
		b.within(1)
		b.within(1)
		b.code.op(wasm.OpTableInit, 1+b.below(2), t)
	case n == 6:
		b.code.op(wasm.OpElemDrop, b.below(len(b.elements)))
	default:
		b.place(t)
		b.place(t)
		b.within(3)
		b.code.op(wasm.OpTableCopy, t, t)
	}
}
