package rewrite

import "github.com/carrelhq/carrel/runtime/wasm"

// body is one function on its way.
type body struct {
	w    *rewriter
	b    *wasm.Body
	plan plan
	out  encoder
	done int // how much of the original's code is in out

	spent  uint32 // local i64
	length uint32 // local i32, for lengths
	frame  int64  // bytes on the stack; 0 for a small one of a function that calls nothing
}

// rewriteBody appends a function to the code section.
func (w *rewriter) rewriteBody(index uint32, b *wasm.Body) {
	f := &body{w: w, b: b, out: w.body[:0]}
	if w.light[index].light {
		f.locals(nil)
		f.catchUp(len(b.Code))
	} else {
		f.plan = w.plan(b)
		f.accountable()
	}
	w.code.vector(f.out)
	w.body = f.out
}

// locals declares the original's locals and more.
func (f *body) locals(more []wasm.ValueType) {
	f.out.uint(uint64(len(f.b.Locals) + len(more)))
	for _, l := range f.b.Locals {
		f.out.index(l.Count)
		f.out.byte(l.Type)
	}
	for _, t := range more {
		f.out.byte(1, t)
	}
}

// catchUp copies the original's code up to an offset, as it is.
func (f *body) catchUp(to int) {
	f.out.bytes(f.b.Code[f.done:to])
	f.done = to
}

// replace puts what is written next in the place of an instruction.
func (f *body) replace(x edit) *encoder {
	f.catchUp(x.start)
	f.done = x.end
	return &f.out
}

// accountable writes a function that pays. One that counts on the stack is wrapped
// in a block, so that every way out of it comes by where its frame is given back.
func (f *body) accountable() {
	f.spent, f.length = uint32(f.b.NumLocals), uint32(f.b.NumLocals)+1
	more := []wasm.ValueType{wasm.I64}
	if f.plan.scratch {
		more = append(more, wasm.I32)
	}
	f.locals(more)
	if size := f.w.frameSize(f.b, f.plan); f.plan.calls || size > maxLeaf {
		f.frame = size
	}
	charges := f.plan.charges
	f.enter(charges[0].cost)
	charges = charges[1:]
	for _, x := range f.plan.edits {
		for len(charges) > 0 && charges[0].at <= x.start {
			f.charge(charges[0])
			charges = charges[1:]
		}
		f.edit(x)
	}
	for _, c := range charges {
		f.charge(c)
	}
	f.catchUp(len(f.b.Code))
	f.leave()
}

func (f *body) charge(c charge) {
	f.catchUp(c.at)
	f.w.pay(&f.out, f.spent, c.cost, c.check)
}

// edit writes an instruction that changes.
func (f *body) edit(x edit) {
	w, e := f.w, &f.out
	switch x.op {
	case wasm.OpCall, wasm.OpRefFunc:
		f.replace(x).with(x.op, w.function(x.index))
		return
	case wasm.OpReturn:
		if f.frame != 0 {
			f.replace(x).with(wasm.OpBr, x.depth)
		}
		return
	case wasm.OpMemoryFill:
		f.replace(x).with(wasm.OpCall, w.fillHelper())
		return
	case wasm.OpMemoryCopy:
		f.replace(x).with(wasm.OpCall, w.copyHelper())
		return
	case wasm.OpMemoryInit:
		f.replace(x).with(wasm.OpCall, w.initHelper(x.index))
		return
	}
	f.catchUp(x.start)
	if byLength[x.op] {
		e.with(wasm.OpLocalTee, f.length)
		w.spendLength(e, f.length, 0)
		w.ask(e)
	}
	if x.op == wasm.OpTableGrow {
		w.grown[x.index] = true
	}
	// What is left changes a table or drops a segment, which no reset undoes.
	e.i32(1)
	e.with(wasm.OpGlobalSet, w.dirty())
}

// resultBlock writes the type of a block with these results.
func (w *rewriter) resultBlock(e *encoder, results string) {
	switch len(results) {
	case 0:
		e.byte(emptyBlock)
	case 1:
		e.byte(results[0])
	default:
		t, ok := w.blockTypes[results]
		if !ok {
			t = w.addType("", results)
			w.blockTypes[results] = t
		}
		e.int(int64(t))
	}
}

// pay takes fuel, and asks for more where there may be none left.
func (w *rewriter) pay(e *encoder, spent uint32, cost int64, check bool) {
	if !check {
		e.with(wasm.OpGlobalGet, w.fuel())
		e.i64(cost)
		e.op(wasm.OpI64Sub)
		e.with(wasm.OpGlobalSet, w.fuel())
		return
	}
	w.spend(e, spent, cost)
	e.with(wasm.OpLocalGet, spent)
	w.askIfBelowZero(e)
}

// spend takes fuel and leaves what is left of it in the local spent.
func (w *rewriter) spend(e *encoder, spent uint32, cost int64) {
	e.with(wasm.OpGlobalGet, w.fuel())
	e.i64(cost)
	e.op(wasm.OpI64Sub)
	e.with(wasm.OpLocalTee, spent)
	e.with(wasm.OpGlobalSet, w.fuel())
}

// askIfBelowZero calls the host when the number on the stack is negative.
func (w *rewriter) askIfBelowZero(e *encoder) {
	e.i64(0)
	e.op(wasm.OpI64LtS)
	e.block(wasm.OpIf)
	e.with(wasm.OpCall, w.refill())
	e.op(wasm.OpEnd)
}

// ask calls the host when fuel is below zero.
func (w *rewriter) ask(e *encoder) {
	e.with(wasm.OpGlobalGet, w.fuel())
	w.askIfBelowZero(e)
}

// spendLength takes a local's number of fuel, shifted right.
func (w *rewriter) spendLength(e *encoder, local uint32, shift int32) {
	e.with(wasm.OpGlobalGet, w.fuel())
	e.with(wasm.OpLocalGet, local)
	if shift > 0 {
		e.i32(shift)
		e.op(wasm.OpI32ShrU)
	}
	e.op(wasm.OpI64ExtendU, wasm.OpI64Sub)
	e.with(wasm.OpGlobalSet, w.fuel())
}
