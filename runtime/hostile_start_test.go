package runtime

import (
	"strings"

	"github.com/carrelhq/carrel/abi"
)

// spinning ends what spins before it runs; compiling it takes far less.
func spinning(o *Options) { o.InspectTimeout = 3 * second }

// starts are modules whose harm is in what runs before the first task does.
var starts = []hostile{
	{row: "A11", name: "a start function that spins", want: "bad_initialization", says: "took longer than 3s", cpu: 6 * second, opts: spinning,
		module: with(func(g *guest) { g.start = g.function("", noneToNone, spin()) })},
	{row: "A11", name: "a start function that traps", want: "bad_initialization", says: "unreachable",
		module: with(func(g *guest) { g.start = g.function("", noneToNone, unreachable) })},
	{row: "A11", name: "a start function that recurses", want: "bad_initialization", says: "call stack exhausted",
		module: with(func(g *guest) { g.start = g.function("", noneToNone, call(2)) })},
	{row: "A11", name: "a start function that fills 64 MiB", want: answered, mib: 128,
		module: with(func(g *guest) { g.start = g.function("", noneToNone, fillAll) })},
	{row: "A11", name: "_initialize traps", want: "bad_initialization", says: "unreachable",
		module: with(func(g *guest) { g.function("_initialize", noneToNone, unreachable) })},
	{row: "A11", name: "carrel_warm spins", want: "bad_initialization", says: "took longer", cpu: 6 * second, opts: spinning,
		module: with(func(g *guest) { g.function("carrel_warm", noneToNone, spin()) })},
	{row: "A11", name: "carrel_warm traps", want: "bad_initialization", says: "unreachable",
		module: with(func(g *guest) { g.function("carrel_warm", noneToNone, unreachable) })},
	{row: "A11", name: "carrel_load spins", want: "bad_initialization", says: "took longer", cpu: 6 * second, opts: spinning,
		module: loading("x", spin())},
	{row: "A11", name: "carrel_load of 4 MiB", want: answered, mib: 64, module: loading(strings.Repeat("x", 4<<20))},
	{row: "A11", name: "carrel_load of what there is no room for", want: "bad_initialization", says: "outside its memory", mib: 64,
		module: with(func(g *guest) {
			g.function("carrel_load", signature{Params: i32 + i32})
			g.custom(abi.SectionSource, make([]byte, 2*pageSize))
		})},
	{row: "A11", name: "_initialize calls a host function", want: answered, module: func() []byte {
		g := newGuest("task_get")
		g.function("_initialize", noneToNone, repeat(100, i32Const(0), i32Const(0), call(0), drop))
		g.dataAt(16, []byte("{}"))
		return run(g, pack(16, 2)).bytes()
	}},
	{row: "A11", name: "_initialize exits", want: "bad_initialization", says: "exited with code 0", module: func() []byte {
		g := newWasiGuest("proc_exit")
		g.function("_initialize", noneToNone, i32Const(0), call(0))
		return run(g, pack(16, 2)).bytes()
	}},
	{row: "A11", name: "_initialize sleeps for ever", want: answered, module: func() []byte {
		g := newWasiGuest("poll_oneoff")
		g.dataAt(2048, subscription(subscribeClock, clockMonotonic, 1<<63, 0))
		g.function("_initialize", noneToNone, repeat(1000, i32Const(2048), i32Const(4096), i32Const(1), i32Const(8), call(0), drop))
		return run(g, pack(16, 2)).bytes()
	}},
}

// described are modules whose harm is in what they say of themselves.
var described = []hostile{
	{row: "A11", name: "carrel_describe spins", want: "bad_description", says: "took longer", cpu: 6 * second, opts: spinning,
		module: with(func(g *guest) { g.function("carrel_describe", packedType, spin(), pack(0, 0)) })},
	{row: "A11", name: "carrel_describe traps", want: "bad_description", says: "unreachable",
		module: with(func(g *guest) { g.function("carrel_describe", packedType, unreachable) })},
	{row: "A11", name: "carrel_describe answers 4 GiB", want: "bad_description", says: "65536 are the most",
		module: with(func(g *guest) { g.function("carrel_describe", packedType, pack(16, huge)) })},
	{row: "A11", name: "carrel_describe answers from outside of memory", want: "bad_description", says: "outside its memory",
		module: with(func(g *guest) { g.function("carrel_describe", packedType, pack(lastByte, 2)) })},
	{row: "A11", name: "carrel_describe answers nothing", want: "bad_description", says: "answered nothing",
		module: with(func(g *guest) { g.function("carrel_describe", packedType, pack(0, 0)) })},
	{row: "A11", name: "carrel_describe answers what a host function does", want: "no_description", says: "only during a run", module: func() []byte {
		g := newGuest("task_get")
		g.function("carrel_describe", packedType, i32Const(0), i32Const(0), call(0))
		return run(g, pack(1, 1)).bytes()
	}},
	{row: "A11", name: "a description of 30,000 arrays inside one another", want: "bad_description", says: "not JSON",
		module: func() []byte { return describing(strings.Repeat("[", 30_000)) }},
	{row: "A11", name: "a description of 10,000 skills", want: "bad_description", says: "50 skills are the most",
		module: func() []byte { return describing(`{"ok":{"skills":[` + many(10_000, `{}`) + `]}}`) }},
	{row: "A11", name: "a description of 6,000 keys", want: answered,
		module: func() []byte { return describing(`{"ok":{` + many(6000, `"a":null`) + `}}`) }},
}

// loading is a module with a source, and a carrel_load for it.
func loading(source string, instructions ...[]byte) func() []byte {
	return func() []byte {
		g := newReplier("{}")
		g.memories[0] = limits(len(source)/pageSize+3, -1)
		g.function("carrel_load", signature{Params: i32 + i32}, instructions...)
		g.custom(abi.SectionSource, []byte(source))
		return g.bytes()
	}
}
