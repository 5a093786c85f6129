package rewrite

import "github.com/carrelhq/carrel/runtime/wasm"

// Bulk instructions run to their end whatever their length, and the engine
// cannot be interrupted meanwhile. So each is a call of a helper that does one
// step at a time and looks at the fuel between steps. What would leave memory is
// left to the instruction itself, which then traps before it has written anything.

// bulkStep is the most that one step does, in bytes.
const bulkStep = 64 << 10

// Locals of a helper: the three parameters of the instruction. count is what is
// left to do.
const (
	bulkTo uint32 = iota
	bulkFrom
	bulkCount
)

// bulk is an instruction that is done in steps.
type bulk struct {
	op      wasm.Op
	indexes []uint32 // immediates
	// source is the size of the data segment that is read from, 0 for memory, -1 for nothing.
	source int64
}

func (w *rewriter) fillHelper() uint32 {
	if w.fill == 0 {
		w.fill = w.addBulk("carrel.memory_fill", bulk{wasm.OpMemoryFill, []uint32{0}, -1})
	}
	return w.fill
}

func (w *rewriter) copyHelper() uint32 {
	if w.copy == 0 {
		w.copy = w.addBulk("carrel.memory_copy", bulk{wasm.OpMemoryCopy, []uint32{0, 0}, 0})
	}
	return w.copy
}

func (w *rewriter) initHelper(segment uint32) uint32 {
	if w.byInit[segment] == 0 {
		size := int64(1)
		if d := w.m.Data[segment]; d.Mode == wasm.Passive {
			size = max(size, int64(len(d.Bytes)))
		}
		w.byInit[segment] = w.addBulk("carrel.memory_init", bulk{wasm.OpMemoryInit, []uint32{segment, 0}, size})
	}
	return w.byInit[segment]
}

func (w *rewriter) addBulk(name string, b bulk) uint32 {
	var e encoder
	e.uint(0) // no locals
	w.atOnce(&e, b)
	w.leaveOutside(&e, b)
	if b.op == wasm.OpMemoryCopy {
		w.backwards(&e, b)
	}
	w.steps(&e, func() {
		e.with(wasm.OpLocalGet, bulkTo)
		e.with(wasm.OpLocalGet, bulkFrom)
		e.i32(bulkStep)
		e.with(b.op, b.indexes...)
		add(&e, bulkTo)
		if b.source >= 0 {
			add(&e, bulkFrom)
		}
		subtract(&e, bulkCount)
	})
	w.rest(&e, b)
	e.op(wasm.OpEnd)
	return w.addHelper(name, w.bulkType(), e)
}

// atOnce does what is short, as nearly everything is.
func (w *rewriter) atOnce(e *encoder, b bulk) {
	e.with(wasm.OpLocalGet, bulkCount)
	e.i32(bulkStep)
	e.op(wasm.OpI32LeU)
	e.block(wasm.OpIf)
	w.rest(e, b)
	e.op(wasm.OpReturn, wasm.OpEnd)
}

// rest pays for what is left and does it.
func (w *rewriter) rest(e *encoder, b bulk) {
	w.spendLength(e, bulkCount, bulkShift)
	w.ask(e)
	whole(e, b)
}

// whole is the instruction with the helper's parameters.
func whole(e *encoder, b bulk) {
	e.with(wasm.OpLocalGet, bulkTo)
	e.with(wasm.OpLocalGet, bulkFrom)
	e.with(wasm.OpLocalGet, bulkCount)
	e.with(b.op, b.indexes...)
}

// leaveOutside does what leaves memory, or the segment, by the instruction itself.
func (w *rewriter) leaveOutside(e *encoder, b bulk) {
	beyond := func(from uint32, end func()) {
		e.with(wasm.OpLocalGet, from)
		e.op(wasm.OpI64ExtendU)
		e.with(wasm.OpLocalGet, bulkCount)
		e.op(wasm.OpI64ExtendU, wasm.OpI64Add)
		end()
		e.op(wasm.OpI64GtU)
		e.block(wasm.OpIf)
		whole(e, b)
		e.op(wasm.OpUnreachable, wasm.OpEnd)
	}
	memoryEnd := func() {
		e.with(wasm.OpMemorySize, 0)
		e.op(wasm.OpI64ExtendU)
		e.i64(16)
		e.op(wasm.OpI64Shl)
	}
	beyond(bulkTo, memoryEnd)
	switch {
	case b.source == 0:
		beyond(bulkFrom, memoryEnd)
	case b.source > 0:
		beyond(bulkFrom, func() { e.i64(b.source) })
	}
}

// backwards copies from the end when the destination is above the source, as
// overlapping ranges need.
func (w *rewriter) backwards(e *encoder, b bulk) {
	e.with(wasm.OpLocalGet, bulkTo)
	e.with(wasm.OpLocalGet, bulkFrom)
	e.op(wasm.OpI32GtU)
	e.block(wasm.OpIf)
	w.steps(e, func() {
		subtract(e, bulkCount)
		for _, at := range []uint32{bulkTo, bulkFrom} {
			e.with(wasm.OpLocalGet, at)
			e.with(wasm.OpLocalGet, bulkCount)
			e.op(wasm.OpI32Add)
		}
		e.i32(bulkStep)
		e.with(b.op, b.indexes...)
	})
	w.rest(e, b)
	e.op(wasm.OpReturn, wasm.OpEnd)
}

// steps repeats step while more than one is left to do, paying for each.
func (w *rewriter) steps(e *encoder, step func()) {
	e.block(wasm.OpLoop)
	e.with(wasm.OpGlobalGet, w.fuel())
	e.i64(bulkStep >> bulkShift)
	e.op(wasm.OpI64Sub)
	e.with(wasm.OpGlobalSet, w.fuel())
	w.ask(e)
	step()
	e.with(wasm.OpLocalGet, bulkCount)
	e.i32(bulkStep)
	e.op(wasm.OpI32GtU)
	e.with(wasm.OpBrIf, 0)
	e.op(wasm.OpEnd)
}

func add(e *encoder, local uint32) {
	e.with(wasm.OpLocalGet, local)
	e.i32(bulkStep)
	e.op(wasm.OpI32Add)
	e.with(wasm.OpLocalSet, local)
}

func subtract(e *encoder, local uint32) {
	e.with(wasm.OpLocalGet, local)
	e.i32(bulkStep)
	e.op(wasm.OpI32Sub)
	e.with(wasm.OpLocalSet, local)
}
