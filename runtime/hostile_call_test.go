package runtime

import (
	"encoding/binary"
	"slices"
	"strings"
)

// Addresses that hostile guests try.
const (
	outside  = 3 * pageSize
	lastByte = 2*pageSize - 1
)

// hostileCalls are modules that break rules where guest and host meet: rows C.
var hostileCalls = slices.Concat(endings, pointers, requests)

// endings are runs that end by the guest's fault, which is told.
var endings = []hostile{
	{row: "C1", name: "a trap names its functions", want: trapped, says: "unreachable in give_up()", module: func() []byte {
		g := newGuest()
		f := g.function("", noneToNone, unreachable)
		run(g, call(f), pack(0, 0)).name(f, "give_up")
		return g.bytes()
	}},
	{row: "C1", name: "a trap in a function with a name of 1 MiB", want: trapped, says: "…", module: func() []byte {
		g := newGuest()
		f := g.function("", noneToNone, unreachable)
		run(g, call(f), pack(0, 0)).name(f, strings.Repeat("x", 1<<20))
		return g.bytes()
	}},
	{row: "C1", name: "a division by zero", want: trapped, says: "integer divide by zero", module: running(i32Const(1), i32Const(0), i32DivS, drop)},
	{row: "C1", name: "a load out of bounds", want: trapped, says: "out of bounds memory access", module: running(i32Const(outside), i32Load, drop)},
	{row: "C1", name: "a load at the end of the address space", want: trapped, says: "out of bounds memory access",
		module: running(i32Const(-1), slices.Concat([]byte{0x28, 2}, uleb(huge)), drop)},
	{row: "C1", name: "a call of no function", want: trapped, says: "invalid table access", module: runningWith(func(g *guest) { g.table(1) }, i32Const(0), i32Const(0), callIndirect(0), drop)},
	{row: "C1", name: "an exit", want: broke, says: "it exited with code 0", module: func() []byte {
		return run(newWasiGuest("proc_exit"), i32Const(0), call(0), pack(1, 1)).bytes()
	}},
	{row: "C1", name: "no reply", want: trapped, says: "carrel_run answered nothing", module: replying(0, 0)},
	{row: "C1", name: "a reply outside of memory", want: broke, says: "outside its memory", module: replying(lastByte, 2)},
	{row: "C1", name: "a reply at the end of the address space", want: broke, says: "outside its memory", module: replying(huge, 0xffff)},
	{row: "C1", name: "a reply of 4 GiB", want: broke, says: "1048576 are the most", module: replying(0, huge)},
	{row: "C1", name: "a reply of 1 MiB, the most", want: answered, module: runningWith(func(g *guest) { g.memories[0] = limits(20, -1) },
		pack(16, 1<<20), returning)},
}

// replying answers what lies there.
func replying(ptr, length int64) func() []byte {
	return func() []byte { return run(newGuest(), pack(ptr, length)).bytes() }
}

// pointers are guests that hand out addresses which are not theirs.
var pointers = []hostile{
	{row: "C1", name: "a request outside of memory", want: broke, says: "it called log with 1 bytes at 196608, which is outside its memory", module: calling("log", outside, 1)},
	{row: "C1", name: "a request that ends outside of memory", want: broke, says: "outside its memory", module: calling("log", lastByte, 2)},
	{row: "C1", name: "a request whose end overflows", want: broke, says: "4294967295 bytes at 4294967295", module: calling("log", -1, -1)},
	{row: "C1", name: "a request of nothing at the end of memory", want: answered, lines: 1, module: calling("log", 2*pageSize, 0)},
	{row: "C1", name: "a request of nothing outside of memory", want: broke, says: "outside its memory", module: calling("log", -1, 0)},
	{row: "C1", name: "random bytes for all of memory, for ever", want: late, soon: true, mib: 96, module: func() []byte {
		g := newWasiGuest("random_get")
		return run(g, i32Const(allPages), memoryGrow, drop, spin(i32Const(0), i32Const(64<<20), call(0), drop), pack(1, 1)).bytes()
	}},
	{row: "C1", name: "64 MiB to print, 1,024 times over", want: answered, lines: 2000, mib: 96, module: func() []byte {
		g := newWasiGuest("fd_write")
		for i := range int64(maxVectors) {
			g.dataAt(2048+8*i, binary.LittleEndian.AppendUint64(nil, 64<<20<<32))
		}
		return run(g, i32Const(allPages), memoryGrow, drop, i32Const(1), i32Const(2048), i32Const(maxVectors), i32Const(8), call(0), drop, pack(16, 2)).bytes()
	}},
	{row: "C2", name: "a carrel_alloc that has no room", want: broke, says: "carrel_alloc has no room", module: allocating(i32Const(0))},
	{row: "C2", name: "a carrel_alloc that points outside", want: broke, says: "which is outside its memory", module: allocating(i32Const(lastByte))},
	{row: "C2", name: "a carrel_alloc that points to the end of the address space", want: broke, says: "answered 4294967295 for 2 bytes", module: allocating(i32Const(-1))},
	{row: "C2", name: "a carrel_alloc that traps", want: trapped, says: "unreachable", module: allocating(unreachable)},
	{row: "C2", name: "a carrel_alloc that grows memory each time", want: answered, module: allocating(i32Const(1), memoryGrow, drop, i32Const(64))},
	{row: "C2", name: "a carrel_alloc that exits", want: broke, says: "it exited with code 9", module: func() []byte {
		g := &guest{start: -1}
		g.importWasi("proc_exit")
		g.memory(1, 0)
		g.function("carrel_alloc", allocType, i32Const(9), call(0), unreachable)
		return run(g, pack(1, 1)).bytes()
	}},
	{row: "C2", name: "a carrel_alloc that has no room for a host's reply", want: broke, says: "carrel_alloc has no room for 29 bytes", module: func() []byte {
		g := newBareGuest([][]byte{globalGet(0), i32Const(0), globalSet(0)}, "task_get") // once 64, then 0
		g.global(i32, 64)
		return run(g, i32Const(0), i32Const(0), call(0)).bytes()
	}},
	{row: "C2", name: "a reply over its own request", want: answered, module: func() []byte {
		g := newBareGuest([][]byte{i32Const(64)}, "task_get")
		g.dataAt(64, []byte("{}"))
		return run(g, i32Const(64), i32Const(2), call(0)).bytes()
	}},
	{row: "C4", name: "a host call from within carrel_alloc", want: broke, says: "it called task_get from within carrel_alloc", module: func() []byte {
		g := newBareGuest([][]byte{i32Const(0), i32Const(0), call(0), drop, i32Const(64)}, "task_get")
		return run(g, pack(1, 1)).bytes()
	}},
	{row: "C4", name: "a host call from within carrel_reseed", want: answered, module: func() []byte {
		g := newBareGuest([][]byte{i32Const(64)}, "task_get")
		g.function("carrel_reseed", signature{Params: i64}, i32Const(0), i32Const(0), call(0), drop)
		return run(g, pack(64, 2)).bytes()
	}},
}

// allocating has a carrel_alloc of its own, which the request is for.
func allocating(instructions ...[]byte) func() []byte {
	return func() []byte { return run(newBareGuest([][]byte{slices.Concat(instructions...)}), pack(64, 2)).bytes() }
}

// calling calls a host function once, and answers what it answers.
func calling(function string, ptr, length int64) func() []byte {
	return func() []byte { return run(newGuest(function), i32Const(ptr), i32Const(length), call(0)).bytes() }
}

// requests are host calls that ask for too much, or too often.
var requests = []hostile{
	{row: "C3", name: "arrays 100,000 deep", want: answered, module: requesting("context_save", strings.Repeat("[", 100_000))},
	{row: "C3", name: "objects 100,000 deep", want: answered, module: requesting("task_status", strings.Repeat(`{"state":`, 100_000))},
	{row: "C3", name: "100,000 keys", want: answered, lines: 1, module: requesting("log", `{`+many(100_000, `"a":1`)+`}`)},
	{row: "C3", name: "a key 50,000 times", want: answered, lines: 1, module: requesting("log", `{`+many(50_000, `"message":"x"`)+`}`)},
	{row: "C3", name: "a number of 100,000 digits", want: answered, module: requesting("context_save", `{"version":`+strings.Repeat("9", 100_000)+`}`)},
	{row: "C3", name: "half a character", want: answered, lines: 1, module: requesting("log", `{"message":"\ud800"}`)},
	{row: "C3", name: "a request of 60 MiB", want: answered, mib: 128, module: func() []byte {
		return run(newGuest("log"), i32Const(allPages), memoryGrow, drop, i32Const(0), i32Const(60<<20), call(0)).bytes()
	}},
	{row: "C4", name: "task_get for ever", want: late, soon: true, module: callingForEver("task_get")},
	{row: "C4", name: "context_load for ever", want: late, soon: true, module: callingForEver("context_load")},
	{row: "C4", name: "context_history for ever", want: late, soon: true, module: callingForEver("context_history")},
	{row: "C4", name: "blob_read for ever", want: late, soon: true, module: callingForEver("blob_read")},
	{row: "C4", name: "log for ever, 64 times", want: late, soon: true, runs: 64, lines: 2000, mib: 64, module: callingForEver("log")},
	{row: "C4", name: "the clock for ever", want: late, soon: true, module: func() []byte {
		return run(newWasiGuest("clock_time_get"), spin(i32Const(0), i64Const(0), i32Const(8), call(0), drop), pack(1, 1)).bytes()
	}},
}

// requesting makes one host call.
func requesting(function, request string) func() []byte {
	return func() []byte {
		g := newGuest(function)
		g.memories[0] = limits(len(request)/pageSize+4, -1)
		at := (len(request)/pageSize + 3) * pageSize
		g.globals = nil
		g.global(i32, int64(at))
		g.dataAt(1024, []byte(request))
		return run(g, i32Const(1024), i32Const(int64(len(request))), call(0)).bytes()
	}
}

// callingForEver calls a host function again and again.
func callingForEver(function string) func() []byte {
	return func() []byte {
		g := newBareGuest([][]byte{i32Const(64)}, function)
		return run(g, spin(i32Const(0), i32Const(0), call(0), drop), pack(0, 0)).bytes()
	}
}
