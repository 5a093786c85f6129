package runtime

import (
	"encoding/binary"
	"slices"

	"github.com/carrelhq/carrel/runtime/wasm"
)

// guest builds small modules for tests: what is added to it comes out as a
// module's sections, in order. Instructions are written with the functions below.
type guest struct {
	types, imports, functions, tables, memories, globals, exports, elements, bodies, data, customs [][]byte

	start     int  // function index, or -1
	dataCount bool // write a data count section
	imported  int  // functions imported so far
}

// What the binary format calls things, for tests.
const (
	sectionCustom, sectionType, sectionImport, sectionFunction = wasm.SectionCustom, wasm.SectionType, wasm.SectionImport, wasm.SectionFunction
	sectionTable, sectionMemory, sectionGlobal, sectionExport  = wasm.SectionTable, wasm.SectionMemory, wasm.SectionGlobal, wasm.SectionExport
	sectionStart, sectionElement, sectionCode, sectionData     = wasm.SectionStart, wasm.SectionElement, wasm.SectionCode, wasm.SectionData

	kindFunction, kindTable, kindMemory, kindGlobal = byte(wasm.KindFunc), byte(wasm.KindTable), byte(wasm.KindMemory), byte(wasm.KindGlobal)

	opEnd, opGlobalGet, opI32Const, opI64Const = byte(wasm.OpEnd), byte(wasm.OpGlobalGet), byte(wasm.OpI32Const), byte(wasm.OpI64Const)
	opF32Const, opF64Const, opRefNull          = byte(wasm.OpF32Const), byte(wasm.OpF64Const), byte(wasm.OpRefNull)
	opRefFunc                                  = byte(wasm.OpRefFunc)

	funcref, externref = wasm.Funcref, wasm.Externref
	maxTable           = wasm.MaxTable
	nameFunctions      = 1
	nameLocals         = 2
)

// Function types.
var (
	noneToNone = signature{}
	allocType  = signature{Params: i32, Results: i32}
	packedType = signature{Results: i64}
)

// newGuest has a memory of two pages and a carrel_alloc that takes from the second.
func newGuest(imports ...string) *guest {
	g := &guest{start: -1}
	for _, name := range imports {
		g.importFunction("carrel", name, hostType)
	}
	g.memory(2, 0)
	heap := g.global(i32, pageSize)
	g.function("carrel_alloc", allocType, globalGet(heap), globalGet(heap), localGet(0), i32Add, globalSet(heap))
	return g
}

// run adds a carrel_run to a guest.
func run(g *guest, instructions ...[]byte) *guest {
	g.function("carrel_run", hostType, instructions...)
	return g
}

// newBareGuest has a carrel_alloc of its own.
func newBareGuest(alloc [][]byte, imports ...string) *guest {
	g := &guest{start: -1}
	for _, name := range imports {
		g.importFunction("carrel", name, hostType)
	}
	g.memory(2, 0)
	g.function("carrel_alloc", allocType, alloc...)
	return g
}

// newWasiGuest imports functions of WASI; its carrel_alloc always answers 64.
func newWasiGuest(imports ...string) *guest {
	g := &guest{start: -1}
	for _, name := range imports {
		g.importWasi(name)
	}
	g.memory(2, 0)
	g.function("carrel_alloc", allocType, i32Const(64))
	return g
}

func (g *guest) importWasi(name string) int {
	return g.importFunction(wasiModule, name, wasiFunctions[name].typ)
}

// newReplier is a guest whose carrel_run answers that text.
func newReplier(reply string) *guest {
	g := newGuest()
	g.dataAt(16, []byte(reply))
	g.function("carrel_run", hostType, i64Const(16<<32|int64(len(reply))))
	return g
}

func (g *guest) typeOf(s signature) int {
	t := slices.Concat([]byte{0x60}, vector([]byte(s.Params)), vector([]byte(s.Results)))
	for i, have := range g.types {
		if string(have) == string(t) {
			return i
		}
	}
	g.types = append(g.types, t)
	return len(g.types) - 1
}

// importFunction must come before function.
func (g *guest) importFunction(module, name string, s signature) int {
	g.imports = append(g.imports, slices.Concat(vector([]byte(module)), vector([]byte(name)), []byte{kindFunction}, uleb(g.typeOf(s))))
	g.imported++
	return g.imported - 1
}

func (g *guest) memory(min, max int) {
	l := slices.Concat([]byte{0}, uleb(min))
	if max > 0 {
		l = slices.Concat([]byte{1}, uleb(min), uleb(max))
	}
	g.memories = append(g.memories, l)
	g.export("memory", kindMemory, 0)
}

func (g *guest) table(min int) {
	g.tables = append(g.tables, slices.Concat([]byte{funcref, 0}, uleb(min)))
}

func (g *guest) global(typ string, value int64) int {
	init := i32Const(value)
	if typ == i64 {
		init = i64Const(value)
	}
	g.globals = append(g.globals, slices.Concat([]byte(typ), []byte{1}, init, []byte{opEnd}))
	return len(g.globals) - 1
}

// function adds a function with one local of each of i32 and i64 after its
// parameters, and exports it unless name is empty.
func (g *guest) function(name string, s signature, instructions ...[]byte) int {
	return g.functionWith([]byte{2, 1, i32[0], 1, i64[0]}, name, s, instructions...)
}

// functionWith adds a function with other locals.
func (g *guest) functionWith(locals []byte, name string, s signature, instructions ...[]byte) int {
	g.functions = append(g.functions, uleb(g.typeOf(s)))
	g.bodies = append(g.bodies, vector(slices.Concat(locals, slices.Concat(instructions...), []byte{opEnd})))
	index := g.imported + len(g.functions) - 1
	if name != "" {
		g.export(name, kindFunction, index)
	}
	return index
}

func (g *guest) export(name string, kind byte, index int) {
	g.exports = append(g.exports, slices.Concat(vector([]byte(name)), []byte{kind}, uleb(index)))
}

func (g *guest) dataAt(offset int64, content []byte) {
	g.data = append(g.data, slices.Concat([]byte{0}, i32Const(offset), []byte{opEnd}, vector(content)))
}

func (g *guest) custom(name string, content []byte) {
	g.customs = append(g.customs, section(sectionCustom, vector([]byte(name)), content))
}

// name gives a function a name for reports.
func (g *guest) name(function int, name string) {
	names := slices.Concat([]byte{1}, uleb(function), vector([]byte(name)))
	g.custom("name", slices.Concat([]byte{nameFunctions}, vector(names)))
}

// bytes is the module.
func (g *guest) bytes() []byte {
	out := []byte("\x00asm\x01\x00\x00\x00")
	out = append(out, list(sectionType, g.types)...)
	out = append(out, list(sectionImport, g.imports)...)
	out = append(out, list(sectionFunction, g.functions)...)
	out = append(out, list(sectionTable, g.tables)...)
	out = append(out, list(sectionMemory, g.memories)...)
	out = append(out, list(sectionGlobal, g.globals)...)
	out = append(out, list(sectionExport, g.exports)...)
	if g.start >= 0 {
		out = append(out, section(sectionStart, uleb(g.start))...)
	}
	out = append(out, list(sectionElement, g.elements)...)
	if g.dataCount {
		out = append(out, section(wasm.SectionDataCount, uleb(len(g.data)))...)
	}
	out = append(out, list(sectionCode, g.bodies)...)
	out = append(out, list(sectionData, g.data)...)
	return append(out, slices.Concat(g.customs...)...)
}

func section(id byte, content ...[]byte) []byte {
	return append([]byte{id}, vector(slices.Concat(content...))...)
}

// list is a section that is a vector, or nothing when it is empty.
func list(id byte, elements [][]byte) []byte {
	if len(elements) == 0 {
		return nil
	}
	return section(id, uleb(len(elements)), slices.Concat(elements...))
}

func vector(b []byte) []byte { return append(uleb(len(b)), b...) }

func uleb(n int) []byte { return binary.AppendUvarint(nil, uint64(n)) }

func sleb(n int64) (out []byte) {
	for {
		b := byte(n & 0x7f)
		if n >>= 7; n == 0 && b < 0x40 || n == -1 && b >= 0x40 {
			return append(out, b)
		}
		out = append(out, b|0x80)
	}
}

// Instructions.
var (
	unreachable = []byte{0x00}
	end         = []byte{opEnd}
	drop        = []byte{0x1a}
	i32Add      = []byte{0x6a}
	i32DivS     = []byte{0x6d}
	i64Extend   = []byte{0xad} // i64.extend_i32_u
	i64Shl      = []byte{0x86}
	i64Or       = []byte{0x84}
	loop        = []byte{0x03, 0x40} // without results; ends with end
	forever     = []byte{0x0c, 0}    // br 0, to the innermost loop
	ifThen      = []byte{0x04, 0x40}
	memoryGrow  = []byte{0x40, 0}
	memoryFill  = []byte{0xfc, 11, 0}
	i32Load     = []byte{0x28, 2, 0}
	i64Load     = []byte{0x29, 3, 0}
	i32Store    = []byte{0x36, 2, 0}
	i64Store    = []byte{0x37, 3, 0}
	i64Eqz      = []byte{0x50}
	i64LessU    = []byte{0x54}
	i32Eqz      = []byte{0x45}
	i32LessU    = []byte{0x49}
	returning   = []byte{0x0f}
	refNullFunc = []byte{opRefNull, funcref}
	tableGrow   = []byte{0xfc, 15, 0}
)

func i32Const(n int64) []byte { return append([]byte{opI32Const}, sleb(n)...) }
func i64Const(n int64) []byte { return append([]byte{opI64Const}, sleb(n)...) }
func localGet(i int) []byte   { return append([]byte{0x20}, uleb(i)...) }
func localSet(i int) []byte   { return append([]byte{0x21}, uleb(i)...) }
func localTee(i int) []byte   { return append([]byte{0x22}, uleb(i)...) }
func globalGet(i int) []byte  { return append([]byte{opGlobalGet}, uleb(i)...) }
func globalSet(i int) []byte  { return append([]byte{0x24}, uleb(i)...) }
func call(i int) []byte       { return append([]byte{0x10}, uleb(i)...) }
func brIf(depth int) []byte   { return append([]byte{0x0d}, uleb(depth)...) }

// pack is the packed result of an address and a length.
func pack(ptr, length int64) []byte { return i64Const(ptr<<32 | length) }
