package runtime

import (
	"slices"
	"strings"
)

// deep are runs that go deep into their stack.
var deep = []hostile{
	{row: "B4", name: "endless recursion", want: trapped, says: "call stack exhausted", module: recursing(noLocals)},
	{row: "B4", name: "endless recursion, 64 times", want: trapped, says: "call stack exhausted", runs: 64, mib: 256, module: recursing(noLocals)},
	{row: "B4", name: "endless recursion with 50,000 locals", want: trapped, says: "call stack exhausted", mib: 64, module: recursing(localsOf(50_000, i64))},
	{row: "B4", name: "endless recursion with 1,000 vectors for locals", want: trapped, says: "call stack exhausted", mib: 64, module: recursing(localsOf(1000, v128))},
	{row: "B4", name: "endless recursion with 1,000 parameters", want: trapped, says: "call stack exhausted", module: recursingWith(1000, 0)},
	{row: "B4", name: "endless recursion over 1,000 values", want: trapped, says: "call stack exhausted", module: recursingOver(i64)},
	{row: "B4", name: "endless recursion over 1,000 vectors", want: trapped, says: "call stack exhausted", module: recursingOver(v128)},
	{row: "B4", name: "endless recursion over 1,000 sums", want: trapped, says: "call stack exhausted", module: recursingInSums(i64)},
	{row: "B4", name: "endless recursion over 1,000 sums of vectors", want: trapped, says: "call stack exhausted", module: recursingInSums(v128)},
	{row: "B4", name: "endless recursion by call_indirect", want: trapped, says: "call stack exhausted", module: func() []byte {
		g := newGuest()
		g.table(1)
		f := g.function("", noneToNone, i32Const(0), callIndirect(g.typeOf(noneToNone)))
		g.elements = append(g.elements, slices.Concat([]byte{0}, i32Const(0), end, []byte{1}, uleb(f)))
		return run(g, call(f), pack(16, 2)).bytes()
	}},
	{row: "B4", name: "endless recursion of two functions", want: trapped, says: "call stack exhausted",
		module: runningWith(func(g *guest) {
			g.function("", noneToNone, call(2))
			g.function("", noneToNone, call(1))
		}, call(1))},
	{row: "B4", name: "endless recursion in carrel_alloc", want: trapped, says: "call stack exhausted", module: func() []byte {
		return run(newBareGuest([][]byte{localGet(0), call(0)}), pack(0, 0)).bytes()
	}},
	{row: "B4", name: "endless recursion by way of host calls", want: broke, says: "from within carrel_alloc", module: func() []byte {
		g := newBareGuest([][]byte{i32Const(0), i32Const(0), call(0), drop, i32Const(64)}, "task_get")
		return run(g, i32Const(0), i32Const(0), call(0)).bytes()
	}},
}

const v128 = "\x7b"

var zeroVector = slices.Concat([]byte{0xfd, 12}, make([]byte, 16)) // v128.const 0

// recursing calls itself with locals of its own.
func recursing(locals []byte) func() []byte {
	return func() []byte {
		g := newGuest()
		g.functionWith(locals, "carrel_run", hostType, localGet(0), localGet(1), call(1))
		return g.bytes()
	}
}

// recursingWith calls itself with as many parameters, and results.
func recursingWith(params, results int) func() []byte {
	return runningWith(func(g *guest) {
		s := signature{Params: strings.Repeat(i64, params), Results: strings.Repeat(i64, results)}
		g.functionWith(noLocals, "", s, repeat(params, i64Const(0)), call(1), unreachable)
	}, repeat(params, i64Const(0)), call(1), repeat(results, drop))
}

// recursingOver calls itself while 1,000 values wait on the stack that few
// instructions put there and take.
func recursingOver(typ string) func() []byte {
	return runningWith(func(g *guest) {
		all := strings.Repeat(typ, 1000)
		value := i64Const(1)
		if typ == v128 {
			value = zeroVector
		}
		values := g.functionWith(noLocals, "", signature{Results: all}, repeat(1000, value))
		g.functionWith(noLocals, "", noneToNone, call(values), call(values+1), call(values+2))
		g.functionWith(noLocals, "", signature{Params: all})
	}, call(2))
}

// recursingInSums calls itself in the middle of a sum of 1,000 global variables.
func recursingInSums(typ string) func() []byte {
	return runningWith(func(g *guest) {
		zero, add := i64Const(0), i64Add
		if typ == v128 {
			zero, add = zeroVector, []byte{0xfd, 0xce, 1}
		}
		var values []byte
		for range 1000 {
			values = append(values, globalGet(len(g.globals))...)
			g.globals = append(g.globals, slices.Concat([]byte(typ), []byte{1}, zero, end))
		}
		g.functionWith(noLocals, "", noneToNone, values, call(1), repeat(999, add), globalSet(1))
	}, call(1))
}
