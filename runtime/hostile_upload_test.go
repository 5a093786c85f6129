package runtime

import (
	"slices"
	"strings"

	"github.com/carrelhq/carrel/abi"
	"github.com/carrelhq/carrel/runtime/wasm"
)

// hostileUploads are modules that do their harm before they run: rows A.
var hostileUploads = slices.Concat(numbers, large, damaged, foreign, contracts, starts, described)

// huge is 2^32-1, which modules announce and do not have.
const huge = 1<<32 - 1

// numbers are small modules that announce much.
var numbers = []hostile{
	{row: "A1", name: "2^32-1 locals", want: "too_many_locals", says: "byte ",
		module: moduleOf(oneType, oneFunction, code(localsOf(huge, i32), end))},
	{row: "A1", name: "10^8 locals", want: "too_many_locals",
		module: body(localsOf(1e8, i64))},
	{row: "A1", name: "50,001 locals", want: "too_many_locals",
		module: body(localsOf(50_001, i32))},
	{row: "A1", name: "50,000 locals, the most", want: answered, mib: 64,
		module: body(localsOf(50_000, i64))},
	{row: "A1", name: "50,000 locals in each of 41 functions", want: "too_many_locals",
		module: with(func(g *guest) {
			for range 41 {
				g.functionWith(localsOf(50_000, i32), "", noneToNone)
			}
		})},
	{row: "A1", name: "2^32-1 groups of locals", want: "truncated",
		module: moduleOf(oneType, oneFunction, code(uleb(huge), end))},
	{row: "A3", name: "a table of 2^27", want: "table_too_large",
		module: with(func(g *guest) { g.table(1 << 27) })},
	{row: "A3", name: "a table of 2^32-1", want: "table_too_large",
		module: with(func(g *guest) { g.table(huge) })},
	{row: "A3", name: "50 tables of 10^7", want: "too_many",
		module: with(func(g *guest) {
			for range 50 {
				g.table(1e7)
			}
		})},
	{row: "A3", name: "16 tables of 100,000, the most", want: answered,
		module: with(func(g *guest) {
			for range 16 {
				g.table(maxTable)
			}
		})},
	{row: "A8", name: "2^28 functions in 14 bytes", want: "truncated", says: "byte ",
		module: moduleOf(section(wasm.SectionFunction, uleb(1<<28)))},
	{row: "A8", name: "2^32-1 types", want: "truncated",
		module: moduleOf(section(wasm.SectionType, uleb(huge)))},
	{row: "A8", name: "2^32-1 parameters", want: "truncated",
		module: moduleOf(section(wasm.SectionType, []byte{1, 0x60}, uleb(huge)))},
	{row: "A8", name: "2^32-1 bytes of a name", want: "truncated",
		module: moduleOf(section(wasm.SectionImport, []byte{1}, uleb(huge)))},
	{row: "A8", name: "2^32-1 elements", want: "truncated",
		module: moduleOf(section(wasm.SectionElement, []byte{1, 0}, i32Const(0), end, uleb(huge)))},
	{row: "A8", name: "2^32-1 bytes of data", want: "truncated",
		module: moduleOf(oneMemory, section(wasm.SectionData, []byte{1, 0}, i32Const(0), end, uleb(huge)))},
	{row: "A8", name: "2^32-1 bytes of a body", want: "function_too_large",
		module: moduleOf(oneType, oneFunction, section(wasm.SectionCode, []byte{1}, uleb(huge)))},
	{row: "A8", name: "2^32-1 bytes of a section", want: "truncated",
		module: moduleOf([]byte{wasm.SectionData}, uleb(huge))},
	{row: "A13", name: "a memory of 4 GiB", want: "memory_too_large", says: "65536 KiB",
		module: runningWith(func(g *guest) { g.memories[0] = limits(1<<16, -1) })},
	{row: "A13", name: "a memory of a page more than there is", want: "memory_too_large",
		module: runningWith(func(g *guest) { g.memories[0] = limits(1025, -1) })},
	{row: "A13", name: "a memory of 2^32-1 pages", want: "memory_too_large",
		module: runningWith(func(g *guest) { g.memories[0] = limits(huge, -1) })},
	{row: "A13", name: "a memory that may grow to 4 GiB", want: answered,
		module: runningWith(func(g *guest) { g.memories[0] = limits(2, 1<<16) }, mustAnswer(-1, i32Const(1023), memoryGrow))},
	{row: "A13", name: "two memories", want: "unsupported_feature",
		module: with(func(g *guest) { g.memories = append(g.memories, limits(1, -1)) })},
}

// Whether a module that is slow to compile is refused depends on the machine.
const compiledOrNot = answered + "|compile_timeout|compile_memory"

func impatient(o *Options) { o.InspectTimeout = 2 * second }

// large are modules that have much of something.
var large = []hostile{
	{row: "A4", name: "10,000 ifs in a function", want: compiledOrNot, opts: impatient, cpu: 5 * second,
		module: body(noLocals, repeat(10_000, i32Const(0), ifThen, end))},
	{row: "A4", name: "20,000 ifs", want: compiledOrNot, opts: impatient, cpu: 5 * second,
		module: body(noLocals, repeat(20_000, i32Const(0), ifThen, end))},
	{row: "A4", name: "200,000 ifs", want: "too_many_blocks",
		module: body(noLocals, repeat(200_000, i32Const(0), ifThen, end))},
	{row: "A4", name: "a function of 2 MiB", want: "function_too_large",
		module: body(noLocals, repeat(2<<20, nop))},
	{row: "A5", name: "4,000 ifs and 2,000 locals", want: compiledOrNot, opts: impatient, cpu: 5 * second,
		module: body(localsOf(2000, i32), repeat(4000, localGet(0), ifThen, i32Const(1), localSet(3), end))},
	{row: "A6", name: "30,000 blocks inside one another", want: "nested_too_deeply",
		module: body(noLocals, repeat(30_000, blockThen), repeat(30_000, end))},
	{row: "A6", name: "100,000 blocks inside one another", want: "nested_too_deeply",
		module: body(noLocals, repeat(100_000, blockThen), repeat(100_000, end))},
	{row: "A6", name: "1,000 blocks inside one another, about the most", want: answered,
		module: body(noLocals, repeat(999, blockThen), repeat(999, end))},
	{row: "A7", name: "a br_table of 10^5", want: "too_many_branches",
		module: body(noLocals, blockThen, i32Const(0), brTable(1e5), end)},
	{row: "A7", name: "a br_table of 10^6", want: "too_many_branches",
		module: body(noLocals, blockThen, i32Const(0), brTable(1e6), end)},
	{row: "A7", name: "a br_table of 65,519, the most", want: compiledOrNot, opts: impatient, cpu: 5 * second,
		module: body(noLocals, blockThen, i32Const(0), brTable(65_519), end)},
	{row: "A8", name: "1,001 parameters", want: "too_many",
		module: with(func(g *guest) { g.typeOf(signature{Params: strings.Repeat(i32, 1001)}) })},
	{row: "A8", name: "10,001 globals", want: "too_many",
		module: with(func(g *guest) { g.globals = slices.Repeat(g.globals, 10_001) })},
	{row: "A8", name: "10,000 globals, the most", want: answered, cpu: 10 * second,
		module: with(func(g *guest) { g.globals = slices.Repeat(g.globals, 10_000) })},
	{row: "A8", name: "10,001 exports", want: "too_many",
		module: with(func(g *guest) { exportOften(g, 10_001) })},
	{row: "A8", name: "9,000 exports", want: answered,
		module: with(func(g *guest) { exportOften(g, 9_000) })},
	{row: "A8", name: "1,001 custom sections", want: "too_many",
		module: with(func(g *guest) { g.customs = slices.Repeat([][]byte{section(sectionCustom, []byte{1, 'x'})}, 1001) })},
	{row: "A8", name: "100,001 segments of data", want: "too_many",
		module: with(func(g *guest) { g.data = slices.Repeat(g.data, 100_001) })},
	{row: "A8", name: "100,000 segments of data, the most", want: answered,
		module: with(func(g *guest) { g.data = slices.Repeat(g.data, 100_000) })},
	{row: "A8", name: "200,001 elements", want: "too_many",
		module: with(func(g *guest) {
			g.elements = append(g.elements, slices.Concat([]byte{1, 0}, uleb(200_001), make([]byte, 200_001)))
		})},
	{row: "A8", name: "100,001 functions", want: "too_many",
		module: with(func(g *guest) { addFunctions(g, 100_001) })},
	{row: "A8", name: "50,000 functions", want: compiledOrNot, opts: impatient, cpu: 5 * second, mib: 64,
		module: with(func(g *guest) { addFunctions(g, 50_000) })},
	{row: "A8", name: "data of 16 MiB", want: answered, mib: 128,
		module: with(func(g *guest) {
			g.memories[0] = limits(256, -1)
			g.dataAt(0, []byte(strings.Repeat("x", 16<<20)))
		})},
	{row: "A8", name: "names of 1 MiB", want: answered,
		module: with(func(g *guest) { g.name(0, strings.Repeat("x", 1<<20)) })},
	{row: "A8", name: "metadata of 65,537 bytes", want: "meta_too_large",
		module: with(func(g *guest) { g.custom(abi.SectionMeta, []byte(`{"a":"`+strings.Repeat("x", maxMeta)+`"}`)) })},
	{row: "A8", name: "metadata of 60,000 arrays inside one another", want: "bad_meta",
		module: with(func(g *guest) { g.custom(abi.SectionMeta, []byte(`{"a":`+strings.Repeat("[", 60_000))) })},
}

// exportOften exports function 0 under many names.
func exportOften(g *guest, n int) {
	for i := range n {
		g.export(strings.Repeat("x", i%100)+string(rune('0'+i/100)), kindFunction, 0)
	}
}

// addFunctions adds small functions that call nothing.
func addFunctions(g *guest, n int) {
	for range n {
		g.functionWith(noLocals, "", noneToNone)
	}
}
