package rewrite

import (
	"strconv"

	"github.com/carrelhq/carrel/runtime/wasm"
)

// assemble writes the sections in their order.
func (w *rewriter) assemble() {
	m, out := w.m, encoder("\x00asm\x01\x00\x00\x00")
	var types encoder
	for _, t := range m.Types {
		types.byte(0x60)
		types.name(t.Params)
		types.name(t.Results)
	}
	types.bytes(w.types)
	out.section(wasm.SectionType, len(m.Types)+w.addedTypes, types)
	out.section(wasm.SectionImport, len(m.Imports)+1, w.imports())
	out.section(wasm.SectionFunction, len(m.Code)+len(w.helpers), w.functions())
	out.section(wasm.SectionTable, len(m.Tables)-m.ImportedTables, w.tables())
	out.section(wasm.SectionMemory, len(m.Memories)-m.ImportedMemories, w.memories())
	out.section(wasm.SectionGlobal, len(m.Globals)-m.ImportedGlobals+3+w.out.Saved, w.globals())
	exports := w.exports()
	out.section(wasm.SectionExport, exports.count, exports.encoder)
	out.section(wasm.SectionElement, len(m.Elements), w.elements())
	data, count := w.data()
	if count > 0 && m.DataCount {
		out.section(wasm.SectionDataCount, count, nil)
	}
	for _, h := range w.helpers {
		w.code.vector(h.body)
	}
	out.section(wasm.SectionCode, len(m.Code)+len(w.helpers), w.code)
	out.section(wasm.SectionData, count, data)
	w.names(&out)
	w.out.Module = out
}

func (w *rewriter) imports() (e encoder) {
	for _, i := range w.m.Imports {
		e.name(i.Module)
		e.name(i.Name)
		e.bytes(i.Desc)
	}
	e.name(HostModule)
	e.name(Refill)
	e.byte(byte(wasm.KindFunc))
	e.index(w.plainType())
	return e
}

func (w *rewriter) functions() (e encoder) {
	for _, typ := range w.m.Funcs[w.m.ImportedFuncs:] {
		e.index(typ)
	}
	for _, h := range w.helpers {
		e.index(h.typ)
	}
	return e
}

// tables bounds every table: the engine itself has no bound.
func (w *rewriter) tables() (e encoder) {
	for i, t := range w.m.Tables[w.m.ImportedTables:] {
		most := uint64(wasm.MaxTable)
		if t.Bounded {
			most = min(most, t.Max)
		}
		kept := t.Min
		if w.grown[uint32(w.m.ImportedTables+i)] {
			kept = max(kept, most)
		}
		w.out.InstanceBytes += elementSize * int(kept)
		e.byte(t.Type, 1)
		e.uint(t.Min)
		e.uint(most)
	}
	return e
}

func (w *rewriter) memories() (e encoder) {
	for _, l := range w.m.Memories[w.m.ImportedMemories:] {
		if !l.Bounded {
			e.byte(0)
			e.uint(l.Min)
			continue
		}
		e.byte(1)
		e.uint(l.Min)
		e.uint(l.Max)
	}
	return e
}

func (w *rewriter) globals() (e encoder) {
	w.out.InstanceBytes += globalSize * (len(w.m.Globals) + w.out.Saved)
	for _, g := range w.m.Globals[w.m.ImportedGlobals:] {
		mutable := byte(0)
		if g.Mutable {
			mutable = 1
		}
		e.byte(g.Type, mutable)
		w.constant(&e, g.Init)
	}
	variable := func(t wasm.ValueType, value func()) {
		e.byte(t, 1)
		value()
		e.op(wasm.OpEnd)
	}
	variable(wasm.I64, func() { e.i64(0) }) // fuel: the first check asks for some
	variable(wasm.I64, func() { e.i64(w.opts.StackBytes) })
	variable(wasm.I32, func() { e.i32(0) })
	for range w.out.Saved {
		variable(wasm.I64, func() { e.i64(0) })
	}
	return e
}

// constant copies an expression that initializes something.
func (w *rewriter) constant(e *encoder, expr []byte) {
	if wasm.Op(expr[0]) != wasm.OpRefFunc {
		e.bytes(expr)
		return
	}
	b := wasm.Body{Code: expr}
	it := b.Instructions()
	it.Next()
	e.with(wasm.OpRefFunc, w.function(it.Index))
	e.op(wasm.OpEnd)
}

type exportList struct {
	encoder
	count int
}

func (l *exportList) add(name string, kind wasm.Kind, index uint32) {
	l.name(name)
	l.byte(byte(kind))
	l.index(index)
	l.count++
}

func (w *rewriter) exports() (l exportList) {
	for _, x := range w.m.Exports {
		if x.Kind == wasm.KindFunc {
			x.Index = w.function(x.Index)
		}
		l.add(x.Name, x.Kind, x.Index)
	}
	l.add(Fuel, wasm.KindGlobal, w.fuel())
	l.add(Stack, wasm.KindGlobal, w.stack())
	l.add(Dirty, wasm.KindGlobal, w.dirty())
	for i := range w.out.Saved {
		l.add(SavedPrefix+strconv.Itoa(i), wasm.KindGlobal, w.saved(i))
	}
	for i, h := range w.helpers {
		if h.name == Save || h.name == Restore {
			l.add(h.name, wasm.KindFunc, w.ownFunctions()+uint32(i))
		}
	}
	if w.m.Start != nil {
		l.add(Start, wasm.KindFunc, w.function(*w.m.Start))
		w.out.HasStart = true
	}
	return l
}
