package runtime

import (
	"bytes"
	"slices"

	"github.com/carrelhq/carrel/runtime/wasm"
)

// damaged are files that are not what they should be.
var damaged = []hostile{
	{row: "A8", name: "an empty file", want: "empty", module: file("")},
	{row: "A8", name: "a page of HTML", want: "not_wasm", says: "HTML", module: file("<!doctype html><title>404</title>")},
	{row: "A8", name: "a text", want: "not_wasm", says: "text", module: file("Hello, this is no module.")},
	{row: "A8", name: "a gzip archive", want: "not_wasm", says: "gzip", module: file("\x1f\x8b\x08\x00\x00")},
	{row: "A8", name: "a program", want: "not_wasm", says: "Linux", module: file("\x7fELF\x02\x01")},
	{row: "A8", name: "WebAssembly text", want: "not_wasm", says: "text", module: file("(module)")},
	{row: "A8", name: "half a header", want: "truncated", says: "header", module: file("\x00asm\x01")},
	{row: "A8", name: "another version", want: "wrong_version", module: file("\x00asm\x02\x00\x00\x00")},
	{row: "A8", name: "half a module", want: "truncated", says: "byte ", module: func() []byte {
		m := newReplier("{}").bytes()
		return m[:len(m)/2]
	}},
	{row: "A8", name: "a number of six bytes", want: "bad_number", says: "byte ",
		module: moduleOf([]byte{wasm.SectionType, 0x80, 0x80, 0x80, 0x80, 0x80, 0})},
	{row: "A8", name: "a number above 32 bits", want: "bad_number",
		module: moduleOf([]byte{wasm.SectionType, 0xff, 0xff, 0xff, 0xff, 0x1f})},
	{row: "A8", name: "sections out of order", want: "section_order", says: "byte ",
		module: moduleOf(oneMemory, oneType)},
	{row: "A8", name: "a section twice", want: "section_order", module: moduleOf(oneType, oneType)},
	{row: "A8", name: "an unknown section", want: "unknown_section", module: moduleOf(section(99))},
	{row: "A8", name: "bytes after a section's end", want: "inconsistent",
		module: moduleOf(section(wasm.SectionType, []byte{1, 0x60, 0, 0, 0}))},
	{row: "A8", name: "a function without a body", want: "inconsistent", module: moduleOf(oneType, oneFunction)},
	{row: "A8", name: "an export twice", want: "duplicate_export",
		module: with(func(g *guest) { g.export("memory", kindMemory, 0) })},
	{row: "A8", name: "an export of a function that is not there", want: "bad_index",
		module: with(func(g *guest) { g.export("f", kindFunction, 1000) })},
	{row: "A8", name: "a name that is not UTF-8", want: "bad_name",
		module: with(func(g *guest) { g.export("\xff\xfe", kindFunction, 0) })},
	{row: "A8", name: "a call of a function that is not there", want: "bad_index",
		module: running(call(huge))},
	{row: "A8", name: "a branch out of more blocks than there are", want: "bad_index",
		module: running(loop, brIf(1000), end)},
	{row: "A8", name: "an end too many", want: "bad_code", module: running(end)},
	{row: "A8", name: "an end too few", want: "bad_code", module: running(blockThen)},
	{row: "A8", name: "an operand that is missing", want: "invalid_module", module: running(i32Add, drop)},
	{row: "A8", name: "data at the end of memory", want: answered,
		module: with(func(g *guest) { g.dataAt(lastByte, []byte("x")) })},
	{row: "A8", name: "data over the end of memory", want: "data_outside",
		module: with(func(g *guest) { g.dataAt(2*pageSize, []byte("x")) })},
	{row: "A8", name: "data below memory", want: "data_outside",
		module: with(func(g *guest) { g.dataAt(-1, []byte("x")) })},
	{row: "A8", name: "elements over the end of their table, which the engine leaves out", want: answered,
		module: with(func(g *guest) {
			g.table(1)
			g.elements = append(g.elements, slices.Concat([]byte{0}, i32Const(1), end, []byte{1, 0}))
		})},
	{row: "A8", name: "a function named that is not there", want: answered,
		module: with(func(g *guest) { g.name(huge, "nobody") })},
	{row: "A8", name: "names whose number is a lie", want: answered,
		module: with(func(g *guest) { g.custom("name", slices.Concat([]byte{nameFunctions}, vector(uleb(huge)))) })},
	{row: "A8", name: "names of locals whose number is a lie", want: answered,
		module: with(func(g *guest) { g.custom("name", slices.Concat([]byte{nameLocals}, vector(uleb(huge)))) })},
	{row: "A8", name: "names that are not UTF-8", want: answered,
		module: with(func(g *guest) { g.name(0, "\xff\x1b[2J\xc3") })},
	{row: "A8", name: "names of a function twice", want: answered,
		module: with(func(g *guest) { g.name(0, "a"); g.name(0, "b") })},
	{row: "A8", name: "10,000 names of names", want: answered, module: with(func(g *guest) {
		g.custom("name", bytes.Repeat([]byte{0, 1, 0}, 10_000))
	})},
}

// foreign are modules for something else than carrel.
var foreign = []hostile{
	{row: "A9", name: "a component", want: "component", says: "wasm32-wasip1", module: file("\x00asm\x0d\x00\x01\x00")},
	{row: "A9", name: "a memory of 64 bits", want: "unsupported_feature",
		module: with(func(g *guest) { g.memories[0] = []byte{4, 1} })},
	{row: "A9", name: "a shared memory", want: "unsupported_feature",
		module: with(func(g *guest) { g.memories[0] = []byte{3, 1, 2} })},
	{row: "A9", name: "atomics", want: "unsupported_feature",
		module: running(i32Const(0), []byte{0xfe, 0x10, 2, 0}, drop)},
	{row: "A9", name: "an exception", want: "unsupported_feature", module: running([]byte{0x08, 0})},
	{row: "A9", name: "a structure", want: "unsupported_feature",
		module: moduleOf(section(wasm.SectionType, []byte{1, 0x5f, 0}))},
	{row: "B2", name: "an endless return_call", want: "unsupported_feature", module: func() []byte {
		g := newGuest()
		g.function("carrel_run", hostType, localGet(0), localGet(1), []byte{0x12, 1})
		return g.bytes()
	}},
	{row: "B2", name: "an endless return_call_indirect", want: "unsupported_feature",
		module: runningWith(func(g *guest) { g.table(1) }, i32Const(0), []byte{0x13, 0, 0})},
}

// contracts are modules that do not keep to what is imported and exported.
var contracts = []hostile{
	{row: "A10", name: "an unknown import", want: "unknown_import", says: `"env" "print"`, module: importing("env", "print", hostType)},
	{row: "A10", name: "nearly a host function", want: "unknown_import", says: `did you mean "carrel" "task_artifact"`,
		module: importing("carrel", "task_artifacts", hostType)},
	{row: "A10", name: "a host function of another type", want: "unknown_import", says: "and has (i32, i32) -> i64",
		module: importing("carrel", "log", signature{Params: i32})},
	{row: "A10", name: "1,000 unknown imports", want: "unknown_import", says: "and 990 more", module: importingOften(1000)},
	{row: "A10", name: "1,001 imports", want: "too_many", module: importingOften(1001)},
	{row: "A10", name: "what the host adds itself", want: "unknown_import", module: importing("carrel:host", "refill", noneToNone)},
	{row: "A12", name: "no exports at all", want: "no_memory", module: moduleOf()},
	{row: "A12", name: "a memory that is not exported", want: "no_memory", module: with(func(g *guest) { g.exports = g.exports[1:] })},
	{row: "A12", name: "an imported memory", want: "unknown_import", says: "is no function", module: func() []byte {
		g := newGuest()
		g.imports = append(g.imports, slices.Concat(vector([]byte("env")), vector([]byte("memory")), []byte{kindMemory}, limits(1, -1)))
		g.memories = nil
		return g.bytes()
	}},
	{row: "A12", name: "no carrel_run", want: "bad_exports", says: "is not exported", module: func() []byte { return newGuest().bytes() }},
	{row: "A12", name: "a carrel_run of another type", want: "bad_exports", says: "must have (i32, i32) -> i64", module: func() []byte {
		g := newGuest()
		g.function("carrel_run", noneToNone)
		return g.bytes()
	}},
	{row: "A12", name: "a memory by the name of carrel_run", want: "bad_exports", says: "is no function", module: func() []byte {
		g := newGuest()
		g.export("carrel_run", kindMemory, 0)
		return g.bytes()
	}},
	{row: "A12", name: "an export by a name of the host's", want: "bad_exports", says: "are the host's",
		module: with(func(g *guest) { g.function("carrel:fuel", noneToNone) })},
	{row: "A12", name: "a program", want: "command_module", module: func() []byte {
		g := newGuest()
		g.function("_start", noneToNone)
		return g.bytes()
	}},
}

// importingOften imports functions that nobody provides.
func importingOften(n int) func() []byte {
	return func() []byte {
		g := newReplier("{}")
		for range n {
			g.importFunction("env", "x", noneToNone)
		}
		return g.bytes()
	}
}
