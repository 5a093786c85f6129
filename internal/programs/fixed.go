package programs

import "github.com/carrelhq/carrel/runtime/wasm"

// Instructions by their number.
const (
	opDrop, opSelect, opSelectTyped    wasm.Op = 0x1a, 0x1b, 0x1c
	opTableGet, opRefIsNull            wasm.Op = 0x25, 0xd1
	opTableSize                        wasm.Op = 0xfc10
	opI64Load, opI32Store, opI32Store8 wasm.Op = 0x29, 0x36, 0x3a
	opI32And, opI32Or, opI64Or         wasm.Op = 0x71, 0x72, 0x84
	opI64Mul, opI64Xor                 wasm.Op = 0x7e, 0x85
	opF32Eq, opF64Eq                   wasm.Op = 0x5b, 0x61
)

// fixed are the indexes of the functions that are alike in every program.
type fixed struct{ chance, canonical32, canonical64, witness int }

// define writes the functions.
func (p *program) define() {
	f := fixed{
		chance:      p.reserve("", wasm.FuncType{Results: i32}),
		canonical32: p.reserve("", wasm.FuncType{Params: string([]byte{wasm.F32}), Results: string([]byte{wasm.F32})}),
		canonical64: p.reserve("", wasm.FuncType{Params: string([]byte{wasm.F64}), Results: string([]byte{wasm.F64})}),
		witness:     p.reserve("", wasm.FuncType{}),
	}
	p.function(f.chance).body = chance()
	p.function(f.canonical32).body = canonical(opF32Eq, func(e *encoder) { e.f32(0x7fc00000) })
	p.function(f.canonical64).body = canonical(opF64Eq, func(e *encoder) { e.f64(0x7ff8000000000000) })
	p.function(f.witness).body = p.witness()
	p.function(p.reserve("carrel_alloc", wasm.FuncType{Params: i32, Results: i32})).body = alloc()
	p.defineRun(f)
	p.defineBeginnings(f)
	for i, index := range p.random {
		b := p.newBody(index, f, p.random[i+1:])
		b.statements(1 + p.below(6))
		b.values(b.typ.Results)
		b.finish()
	}
}

// chance steps the program's own generator of random numbers.
func chance() encoder {
	e := encoder{0}
	e.op(wasm.OpGlobalGet, seedGlobal)
	e.i64(6364136223846793005)
	e.op(opI64Mul)
	e.i64(1442695040888963407)
	e.op(wasm.OpI64Add)
	e.op(wasm.OpGlobalSet, seedGlobal)
	e.op(wasm.OpGlobalGet, seedGlobal)
	e.i64(33)
	e.ops(wasm.OpI64ShrU, wasm.OpI32WrapI64, wasm.OpEnd)
	return e
}

// canonical returns its parameter, or the usual NaN if it is one.
func canonical(equal wasm.Op, nan func(*encoder)) encoder {
	e := encoder{0}
	e.op(wasm.OpLocalGet, 0)
	nan(&e)
	e.op(wasm.OpLocalGet, 0)
	e.op(wasm.OpLocalGet, 0)
	e.ops(equal, opSelect, wasm.OpEnd)
	return e
}

// alloc hands out up to a quarter of the first page, and begins anew.
func alloc() encoder {
	e := encoder{0}
	e.op(wasm.OpGlobalGet, heapGlobal)
	e.op(wasm.OpLocalGet, 0)
	e.op(wasm.OpI32Add)
	e.i32(0x3ff8)
	e.op(opI32And)
	e.op(wasm.OpGlobalSet, heapGlobal)
	e.op(wasm.OpGlobalGet, heapGlobal)
	e.i32(heapAt)
	e.ops(wasm.OpI32Add, wasm.OpEnd)
	return e
}

// witness writes the sizes of memory and tables, which elements are null, and what
// of the data segment that may be dropped is still there.
func (p *program) witness() encoder {
	e := encoder{0}
	at := witnessAt
	note := func(store wasm.Op, size int, value func()) {
		e.i32(int32(at))
		value()
		e.op(store, 0, 0)
		at += size
	}
	note(opI32Store, 4, func() { e.op(wasm.OpMemorySize, 0) })
	for i, t := range p.tables {
		note(opI32Store, 4, func() { e.op(opTableSize, i) })
		for j := range t.min {
			note(opI32Store8, 1, func() {
				e.i32(int32(j))
				e.op(opTableGet, i)
				e.op(opRefIsNull)
			})
		}
	}
	if p.drops {
		e.i32(int32(at))
		e.i32(0)
		e.i32(4)
		e.op(wasm.OpMemoryInit, 1, 0)
	}
	e.op(wasm.OpEnd)
	return e
}

// defineRun writes carrel_run, which does something else for every request: chance
// goes by it from then on.
func (p *program) defineRun(f fixed) {
	run, main := p.reserve("carrel_run", hostType), p.reserve("", wasm.FuncType{})
	e := encoder{0}
	e.op(wasm.OpCall, f.witness)
	e.op(wasm.OpGlobalGet, seedGlobal)
	e.op(wasm.OpLocalGet, 0)
	e.op(opI64Load, 0, 0)
	e.op(opI64Xor)
	e.op(wasm.OpGlobalSet, seedGlobal)
	e.op(wasm.OpCall, main)
	if p.once(32) {
		e.op(wasm.OpGlobalGet, seedGlobal) // is no answer that a host takes
	} else {
		e.i64(replySize)
	}
	e.op(wasm.OpEnd)
	p.function(run).body = e
	b := p.newBody(main, f, p.random)
	b.nodes = 200
	for range 3 {
		b.statements(1 + p.below(4))
		b.rare()
	}
	b.finish()
}

// defineBeginnings writes what runs before the snapshot.
func (p *program) defineBeginnings(f fixed) {
	begin := func(name string) int {
		b := p.newBody(p.reserve(name, wasm.FuncType{}), f, nil)
		b.calm = true
		b.statements(2 + p.below(8))
		b.finish()
		return b.index
	}
	if !p.once(4) {
		begin("_initialize")
	}
	if p.once(4) {
		begin("carrel_warm")
	}
	if p.once(6) {
		p.start = begin("")
	}
}
