package programs

import "github.com/carrelhq/carrel/runtime/wasm"

// assemble writes the module.
func (p *program) assemble() []byte {
	functions, code := p.functions() // which may add types
	imports := p.importSection()
	out := encoder("\x00asm\x01\x00\x00\x00")
	var types encoder
	for _, t := range p.types {
		types.byte(0x60)
		types.vector([]byte(t.Params))
		types.vector([]byte(t.Results))
	}
	out.section(wasm.SectionType, len(p.types), types)
	out.section(wasm.SectionImport, len(p.imports), imports)
	out.section(wasm.SectionFunction, len(p.funcs), functions)
	out.section(wasm.SectionTable, len(p.tables), p.tableSection())
	var memory encoder
	memory.limits(p.pages, p.most)
	out.section(wasm.SectionMemory, 1, memory)
	out.section(wasm.SectionGlobal, len(p.globals), p.globalSection())
	out.section(wasm.SectionExport, p.exported, p.exports)
	if p.start > 0 {
		var index encoder
		index.uint(p.start)
		out.byte(wasm.SectionStart)
		out.vector(index)
	}
	var elements, data encoder
	for _, s := range p.elements {
		elements.byte(s...)
	}
	out.section(wasm.SectionElement, len(p.elements), elements)
	if p.drops {
		out.section(wasm.SectionDataCount, len(p.data), nil)
	}
	out.section(wasm.SectionCode, len(p.funcs), code)
	for _, s := range p.data {
		data.segment(s)
	}
	out.section(wasm.SectionData, len(p.data), data)
	return out
}

func (p *program) functions() (functions, code encoder) {
	for i := range p.funcs {
		f := &p.funcs[i]
		functions.uint(p.typeOf(f.FuncType))
		code.vector(f.body)
		if f.name != "" {
			p.export(f.name, wasm.KindFunc, len(p.imports)+i)
		}
	}
	return functions, code
}

func (p *program) export(name string, kind wasm.Kind, index int) {
	p.exports.vector([]byte(name))
	p.exports.byte(byte(kind))
	p.exports.uint(index)
	p.exported++
}

func (p *program) importSection() (e encoder) {
	for _, name := range p.imports {
		e.vector([]byte("carrel"))
		e.vector([]byte(name))
		e.byte(byte(wasm.KindFunc))
		e.uint(p.typeOf(hostType))
	}
	return e
}

func (p *program) tableSection() (e encoder) {
	for _, t := range p.tables {
		e.byte(t.typ)
		e.limits(t.min, t.max)
	}
	return e
}

func (p *program) globalSection() (e encoder) {
	for _, g := range p.globals {
		e.byte(g.typ, 0)
		if g.mutable {
			e[len(e)-1] = 1
		}
		e.byte(g.init...)
		e.op(wasm.OpEnd)
	}
	return e
}

func (e *encoder) limits(min, max int) {
	if max == 0 {
		e.byte(0)
		e.uint(min)
		return
	}
	e.byte(1)
	e.uint(min)
	e.uint(max)
}

func (e *encoder) segment(s segment) {
	if s.passive {
		e.byte(1)
	} else {
		e.byte(0)
		e.i32(int32(s.offset))
		e.op(wasm.OpEnd)
	}
	e.vector(s.bytes)
}
