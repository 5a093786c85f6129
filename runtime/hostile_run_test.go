package runtime

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"
	"time"
)

const second = time.Second

// hostileRuns are modules that take as much as they can once they run: rows A2 and B.
var hostileRuns = slices.Concat(growth, endless, deep, noisy)

// allPages is what the memory of a module with two pages can grow by.
const allPages = 1024 - 2

// fillAll grows memory to the most there is, and touches all of it.
var fillAll = slices.Concat(i32Const(allPages), memoryGrow, drop, i32Const(1), i32Const(pattern), i32Const(64<<20-1), memoryFill)

var twoPages = func(o *Options) { o.MemoryBytes = 1 << 20 }

// growth asks for more than there is: that is a no, and not the end.
var growth = []hostile{
	{row: "A2", name: "a table of 10^9", want: answered, module: growing(-1, refNullFunc, i32Const(1e9), tableGrow)},
	{row: "A2", name: "a table of 10^8", want: answered, module: growing(-1, refNullFunc, i32Const(1e8), tableGrow)},
	{row: "A2", name: "a table of 2^32-1", want: answered, module: growing(-1, refNullFunc, i32Const(-1), tableGrow)},
	{row: "A2", name: "a table of 100,000, the most", want: answered, module: growing(1, refNullFunc, i32Const(maxTable-1), tableGrow)},
	{row: "A2", name: "a table of 100,001", want: answered, module: growing(-1, refNullFunc, i32Const(maxTable), tableGrow)},
	{row: "A2", name: "a table that grows for ever", want: late, soon: true,
		module: runningWith(func(g *guest) { g.table(1) }, spin(refNullFunc, i32Const(1), tableGrow, drop))},
	{row: "A2", name: "16 tables that grow to the most, in 64 runs, of 128 MiB", want: answered, runs: 64, mib: 384,
		opts: func(o *Options) { o.AllMemoryBytes = 128 << 20 }, module: growingTables(16)},
	{row: "A13", name: "memory up to the limit", want: answered, opts: twoPages, module: growing(2, i32Const(14), memoryGrow)},
	{row: "A13", name: "memory of a page beyond the limit", want: answered, opts: twoPages, module: growing(-1, i32Const(15), memoryGrow)},
	{row: "A13", name: "memory of 4 GiB", want: answered, module: growing(-1, i32Const(65535), memoryGrow)},
	{row: "A13", name: "memory of 2^32-1 pages", want: answered, module: growing(-1, i32Const(-1), memoryGrow)},
	{row: "B5", name: "memory that grows for ever", want: late, soon: true, module: running(spin(i32Const(1), memoryGrow, drop))},
	{row: "B5", name: "64 MiB of touched memory in 64 runs, of 256 MiB", want: answered + "|" + crowded, runs: 64, mib: 320, cpu: 20 * second,
		opts: func(o *Options) { o.AllMemoryBytes = 256 << 20 }, module: running(fillAll)},
	{row: "B5", name: "64 MiB that is kept in 64 runs, of 256 MiB", want: late + "|" + crowded, soon: true, runs: 64, mib: 320, cpu: 20 * second,
		opts: func(o *Options) { o.AllMemoryBytes = 256 << 20 }, module: running(fillAll, spin())},
}

// growing traps unless growing answers a number. It has a memory of two pages and
// a table of one element.
func growing(want int64, ask ...[]byte) func() []byte {
	return runningWith(func(g *guest) { g.table(1) }, mustAnswer(want, ask...))
}

// growingTables has tables that grow as far as they can.
func growingTables(n int) func() []byte {
	return func() []byte {
		var all []byte
		g := newGuest()
		for i := range n {
			g.table(1)
			all = slices.Concat(all, mustAnswer(1, refNullFunc, i32Const(maxTable-1), []byte{0xfc, 15, byte(i)}))
		}
		g.dataAt(16, []byte("{}"))
		return run(g, all, pack(16, 2)).bytes()
	}
}

// endless are runs that go on until they are stopped, however they do it.
var endless = []hostile{
	{row: "B1", name: "an endless loop", want: late, soon: true, module: running(spin())},
	{row: "B1", name: "64 endless loops", want: late, soon: true, runs: 64, module: running(spin())},
	{row: "B1", name: "an endless loop by br_table", want: late, soon: true, module: running(loop, i32Const(0), brTable(10), end)},
	{row: "B1", name: "2^40 calls without a loop", want: late, soon: true, module: doubling(40)},
	{row: "B1", name: "a loop of loops", want: late, soon: true, module: running(repeat(500, loop), i32Const(1), brIf(499), repeat(500, end))},
	{row: "B1", name: "an endless loop in carrel_alloc", want: late, soon: true, module: func() []byte {
		return run(newBareGuest([][]byte{spin(), i32Const(0)}), pack(0, 0)).bytes()
	}},
	{row: "B1", name: "an endless loop in carrel_reseed", want: late, soon: true,
		module: with(func(g *guest) { g.function("carrel_reseed", signature{Params: i64}, spin()) })},
	{row: "B3", name: "200 times memory.fill of 64 MiB in a line", want: late, soon: true, cpu: second, mib: 96,
		module: running(i32Const(allPages), memoryGrow, drop, repeat(200, i32Const(0), i32Const(1), i32Const(64<<20), memoryFill))},
	{row: "B3", name: "200 times memory.copy of 64 MiB in a line", want: late, soon: true, cpu: second, mib: 96,
		module: running(i32Const(allPages), memoryGrow, drop, repeat(200, i32Const(1), i32Const(0), i32Const(64<<20-1), memoryCopy))},
	{row: "B3", name: "1,000 times memory.init of 1 MiB in a line", want: late + "|" + answered, soon: true, cpu: second,
		module: runningWith(func(g *guest) {
			g.data = append([][]byte{slices.Concat([]byte{1}, vector(bytes.Repeat([]byte("x"), 1<<20)))}, g.data...)
			g.memories[0] = limits(17, -1)
			g.dataCount = true
		}, repeat(1000, i32Const(0), i32Const(0), i32Const(1<<20), memoryInit))},
	{row: "B3", name: "table.fill of 100,000, 100 times in a line, for ever", want: late, soon: true, cpu: second,
		module: runningWith(func(g *guest) { g.table(maxTable) }, spin(repeat(100, i32Const(0), refNullFunc, i32Const(maxTable), tableFill)))},
	{row: "B3", name: "table.copy of 99,999, 100 times in a line, for ever", want: late, soon: true, cpu: second,
		module: runningWith(func(g *guest) { g.table(maxTable) }, spin(repeat(100, i32Const(1), i32Const(0), i32Const(maxTable-1), tableCopy)))},
	{row: "B3", name: "fills that begin in memory and end outside", want: trapped, says: "out of bounds", cpu: second,
		module: running(i32Const(8), i32Const(1), i32Const(-1), memoryFill)},
	{row: "B3", name: "a straight line of 300 KB", want: compiledOrNot, cpu: 5 * second,
		module: running(repeat(100_000, i32Const(0), drop))},
}

// doubling calls a function twice in each of n functions: 2^n calls in all.
func doubling(n int) func() []byte {
	return runningWith(func(g *guest) {
		g.function("", noneToNone)
		for i := range n {
			g.function("", noneToNone, call(i+1), call(i+1))
		}
	}, call(n+1))
}

// noisy are runs that print and log, wait, and call the host as much as they can.
var noisy = []hostile{
	{row: "B7", name: "10^6 lines printed", want: answered, lines: 2000, module: printing(strings.Repeat("\n", 999)+"x\n", 1024, 1)},
	{row: "B7", name: "64 KiB without a line's end, printed for ever", want: late, soon: true, lines: 2000,
		module: printing(strings.Repeat("x", 64000), 1024, 0)},
	{row: "B7", name: "what moves a terminal's cursor", want: answered, lines: 1, module: printing("\x1b[2J\x1b]0;pwned\a\r\b\n", 1, 1)},
	{row: "B7", name: "invalid UTF-8", want: answered, lines: 1, module: printing("\xff\xfe\xc3\n", 1, 1)},
	{row: "B7", name: "invalid UTF-8 of 64 KiB", want: answered, lines: 20, module: printing(strings.Repeat("\xff", 64000)+"\n", 1, 1)},
	{row: "B7", name: "10^5 calls of log", want: answered, lines: 2000, cpu: 10 * second, module: logging(`{"message":"x"}`, 100_000)},
	{row: "B7", name: "log of 1 MB", want: answered, lines: 1, mib: 64, module: logging(`{"message":"`+strings.Repeat("x", 1_000_000)+`"}`, 1)},
	{row: "B7", name: "log of 2 MB", want: answered, lines: 0, mib: 64, module: logging(`{"message":"`+strings.Repeat("x", 2_000_000)+`"}`, 1)},
	{row: "B7", name: "log of what moves a terminal's cursor", want: answered, lines: 1, module: logging(`{"message":"\u001b[2J\r\n\u0000"}`, 1)},
	{row: "B7", name: "log of invalid UTF-8", want: answered, lines: 1, module: logging("{\"message\":\"\xff\xfe\"}", 1)},
	{row: "B10", name: "sleep until the year 584554", want: answered, module: sleeping(1<<64-1, 1000)},
	{row: "B10", name: "sleep for ever, again and again", want: late, soon: true, module: sleeping(1<<63, 0)},
}

// printing writes a text n times with each call of fd_write, as often as it says;
// 0 is for ever.
func printing(text string, n, times int) func() []byte {
	return func() []byte {
		g := newWasiGuest("fd_write")
		g.memories[0] = limits(4, -1)
		const at, vectors = 65536, 2048
		g.dataAt(at, []byte(text))
		for i := range n {
			vector := binary.LittleEndian.AppendUint32(nil, at)
			g.dataAt(vectors+8*int64(i), binary.LittleEndian.AppendUint32(vector, uint32(len(text))))
		}
		return repeating(g, times, i32Const(1), i32Const(vectors), i32Const(int64(n)), i32Const(8), call(0), drop)
	}
}

// logging calls log as often as it says.
func logging(request string, times int) func() []byte {
	return func() []byte {
		g := newBareGuest([][]byte{i32Const(64)}, "log")
		g.memories[0] = limits(len(request)/pageSize+3, -1)
		g.dataAt(1024, []byte(request))
		return repeating(g, times, i32Const(1024), i32Const(int64(len(request))), call(0), drop)
	}
}

// sleeping waits until a time.
func sleeping(until uint64, times int) func() []byte {
	return func() []byte {
		g := newWasiGuest("poll_oneoff")
		for i := range int64(maxSubscriptions) {
			g.dataAt(2048+i*subscriptionSize, subscription(subscribeClock, uint32(i%2), until, uint16(i/2%2)))
		}
		return repeating(g, times, i32Const(2048), i32Const(8192), i32Const(maxSubscriptions), i32Const(8), call(0), drop)
	}
}

// repeating does something as often as it says, or for ever if that is 0, and answers.
func repeating(g *guest, times int, instructions ...[]byte) []byte {
	g.dataAt(16, []byte("{}"))
	if times == 0 {
		return run(g, spin(instructions...), pack(16, 2)).bytes()
	}
	return run(g, loop, slices.Concat(instructions...),
		localGet(2), i32Const(1), i32Add, localTee(2), i32Const(int64(times)), i32LessU, brIf(0), end, pack(16, 2)).bytes()
}
