package programs

import (
	"fmt"

	"github.com/carrelhq/carrel/runtime/wasm"
)

// Value types as they are in a program: the common ones more often.
var valueTypes = []wasm.ValueType{wasm.I32, wasm.I32, wasm.I64, wasm.I32, wasm.F32, wasm.F64, wasm.I64, wasm.V128}

// Function types of an agent.
const i32, i64 = string(rune(wasm.I32)), string(rune(wasm.I64))

var hostType = wasm.FuncType{Params: i32 + i32, Results: i64}

// Places in memory. What a run sees of the host, and what it answers, are among
// what the program writes to at random.
const (
	witnessAt = 0    // what the tables are like
	dataAt    = 64   // the first segment
	heapAt    = 1024 // the request
	replySize = 4096
)

// Globals that every program has.
const (
	seedGlobal = iota // i64: what chance goes by at run time
	heapGlobal        // i32: where carrel_alloc has got to
	ownGlobals
)

// declare decides what there is beside instructions.
func (p *program) declare() {
	p.grows, p.changesTables, p.drops = p.once(3), p.once(3), p.once(3)
	if p.once(3) {
		p.imports = []string{"task_get"}
	}
	p.pages = 1 + p.below(2)
	if p.once(2) {
		p.most = p.pages + p.below(4)
	}
	p.export("memory", wasm.KindMemory, 0)
	p.declareGlobals()
	p.declareFunctions()
	p.declareTables()
	p.declareData()
}

func (p *program) declareGlobals() {
	constant := func(t wasm.ValueType) (e encoder) {
		e.constant(&p.choices, t)
		return e
	}
	p.globals = []global{{wasm.I64, true, constant(wasm.I64)}, {wasm.I32, true, constant(wasm.I32)}}
	for range p.below(8) {
		t := pick(&p.choices, valueTypes)
		p.globals = append(p.globals, global{t, !p.once(6), constant(t)})
	}
	for i, g := range p.globals {
		if g.mutable {
			p.export(fmt.Sprintf("global %d", i), wasm.KindGlobal, i)
		}
	}
	if p.once(12) { // such a module has no snapshot
		p.globals = append(p.globals, global{wasm.Funcref, true, encoder{byte(wasm.OpRefNull), wasm.Funcref}})
	}
}

func (p *program) declareFunctions() {
	valueType := func() wasm.ValueType { return pick(&p.choices, valueTypes) }
	for range 1 + p.below(6) {
		t := wasm.FuncType{
			Params:  string(several(&p.choices, 0, 3, valueType)),
			Results: string(several(&p.choices, 0, 2, valueType)),
		}
		p.random = append(p.random, p.reserve("", t))
	}
}

// declareTables makes a table with all random functions at its beginning, and
// segments for table.init. That the functions are in a segment lets ref.func name them.
func (p *program) declareTables() {
	p.tables = []table{{typ: wasm.Funcref, min: 8}, {typ: pick(&p.choices, []wasm.ValueType{wasm.Funcref, wasm.Externref}), min: 8}}
	for i := range p.tables {
		if p.once(2) {
			p.tables[i].max = 8 + p.below(40)
		}
	}
	var active, passive, expressions encoder
	active.uint(0)
	active.i32(0)
	active.op(wasm.OpEnd)
	active.uint(len(p.random))
	passive.byte(1, 0)
	passive.uint(len(p.random))
	for _, f := range p.random {
		active.uint(f)
		passive.uint(f)
	}
	expressions.byte(5, wasm.Funcref, 2, byte(wasm.OpRefNull), wasm.Funcref, byte(wasm.OpEnd))
	expressions.op(wasm.OpRefFunc, pick(&p.choices, p.random))
	expressions.op(wasm.OpEnd)
	p.elements = []encoder{active, passive, expressions}
}

func (p *program) declareData() {
	content := func() byte { return byte(p.below(256)) }
	p.data = []segment{
		{offset: dataAt, bytes: several(&p.choices, 0, 64, content)},
		{passive: true, bytes: several(&p.choices, 32, 64, content)},
		{offset: p.pages*wasm.PageSize - 16, bytes: several(&p.choices, 0, 16, content)},
	}
}
