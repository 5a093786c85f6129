package runtime

import (
	"context"
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/carrelhq/carrel/host"
)

var errSoon = errors.New("time is up")

// Addresses that hostile guests try.
const (
	outside  = 3 * pageSize
	lastByte = 2*pageSize - 1
)

// TestHostileRuns runs guests that break a rule each, and holds what comes of it:
// the kind of error, and what its text tells the author.
func TestHostileRuns(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		guest func() *guest
		want  error
		says  string
	}{
		"a trap names its functions": {func() *guest {
			g := newGuest()
			f := g.function("", noneToNone, unreachable)
			g.function("carrel_run", hostType, call(f), pack(0, 0))
			g.name(f, "give_up")
			return g
		}, ErrTrap, "unreachable in give_up()"},
		"a division by zero": {func() *guest {
			return run(newGuest(), i32Const(1), i32Const(0), i32DivS, drop, pack(0, 0))
		}, ErrTrap, "integer divide by zero"},
		"a load out of bounds": {func() *guest {
			return run(newGuest(), i32Const(outside), i32Load, drop, pack(0, 0))
		}, ErrTrap, "out of bounds memory access"},
		"endless recursion": {func() *guest {
			g := newGuest()
			g.function("carrel_run", hostType, localGet(0), localGet(1), call(1))
			return g
		}, ErrTrap, "call stack exhausted"},
		"an endless loop": {func() *guest {
			return run(newGuest(), loop, forever, end, pack(0, 0))
		}, errSoon, ""},
		"an endless loop of host calls": {func() *guest {
			g := newBareGuest([][]byte{i32Const(64)}, "context_load")
			return run(g, loop, i32Const(0), i32Const(0), call(0), drop, forever, end, pack(0, 0))
		}, errSoon, ""},
		"an endless loop in carrel_alloc": {func() *guest {
			return run(newBareGuest([][]byte{loop, forever, end, i32Const(0)}), pack(0, 0))
		}, errSoon, ""},
		"an endless loop in carrel_reseed": {func() *guest {
			g := newReplier("x")
			g.function("carrel_reseed", signature{Params: i64}, loop, forever, end)
			return g
		}, errSoon, ""},
		"no reply": {func() *guest {
			return run(newGuest(), pack(0, 0))
		}, ErrTrap, "carrel_run answered nothing"},
		"a reply outside of memory": {func() *guest {
			return run(newGuest(), pack(lastByte, 2))
		}, host.ErrGuest, "outside its memory"},
		"a reply at the end of the address space": {func() *guest {
			return run(newGuest(), pack(0xffffffff, 0xffff))
		}, host.ErrGuest, "outside its memory"},
		"a reply of 4 GiB": {func() *guest {
			return run(newGuest(), pack(0, 0xffffffff))
		}, host.ErrGuest, "1048576 are the most"},
		"a carrel_alloc that has no room": {func() *guest {
			return run(newBareGuest([][]byte{i32Const(0)}), pack(1, 1))
		}, host.ErrGuest, "carrel_alloc has no room"},
		"a carrel_alloc that points outside": {func() *guest {
			return run(newBareGuest([][]byte{i32Const(lastByte)}), pack(1, 1))
		}, host.ErrGuest, "which is outside its memory"},
		"a carrel_alloc that traps": {func() *guest {
			return run(newBareGuest([][]byte{unreachable}), pack(1, 1))
		}, ErrTrap, "unreachable"},
		"a host call from within carrel_alloc": {func() *guest {
			g := newBareGuest([][]byte{i32Const(0), i32Const(0), call(0), drop, i32Const(64)}, "task_get")
			return run(g, pack(1, 1))
		}, host.ErrGuest, "it called task_get from within carrel_alloc"},
		"a request outside of memory": {func() *guest {
			return run(newGuest("log"), i32Const(outside), i32Const(1), call(0))
		}, host.ErrGuest, "it called log with 1 bytes at 196608, which is outside its memory"},
		"a request that ends outside of memory": {func() *guest {
			return run(newGuest("log"), i32Const(lastByte), i32Const(2), call(0))
		}, host.ErrGuest, "outside its memory"},
		"a request whose end overflows": {func() *guest {
			return run(newGuest("log"), i32Const(-1), i32Const(-1), call(0))
		}, host.ErrGuest, "4294967295 bytes at 4294967295"},
		"a reply to a host call that carrel_alloc has no room for": {func() *guest {
			g := newBareGuest([][]byte{globalGet(0), i32Const(0), globalSet(0)}, "task_get") // once 64, then 0
			g.global(i32, 64)
			return run(g, i32Const(0), i32Const(0), call(0))
		}, host.ErrGuest, "carrel_alloc has no room for 29 bytes"},
		"an exit": {func() *guest {
			g := newWasiGuest("proc_exit")
			return run(g, i32Const(0), call(0), pack(1, 1))
		}, host.ErrGuest, "it exited with code 0"},
		"an exit from within carrel_alloc": {func() *guest {
			g := &guest{start: -1}
			g.importWasi("proc_exit")
			g.memory(1, 0)
			g.function("carrel_alloc", allocType, i32Const(9), call(0), unreachable)
			return run(g, pack(1, 1))
		}, host.ErrGuest, "it exited with code 9"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := load(t, newEngine(t, Options{}), c.guest().bytes())
			ctx := t.Context()
			if errors.Is(c.want, errSoon) {
				ctx = soon(t)
			}
			reply, err := runGuest(ctx, t, m, "{}", &fakeTasks{})
			if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %q, %v, want %v that says %q", reply, err, c.want, c.says)
			}
		})
	}
}

// TestGuestsThatAskForTooMuch get no for an answer and go on.
func TestGuestsThatAskForTooMuch(t *testing.T) {
	t.Parallel()
	const memory = 1 << 20
	for name, c := range map[string]struct {
		ask  [][]byte
		want int32
	}{
		"memory up to the limit":     {[][]byte{i32Const(memory/pageSize - 2), memoryGrow}, 2},
		"one page beyond the limit":  {[][]byte{i32Const(memory/pageSize - 1), memoryGrow}, -1},
		"4 GiB of memory":            {[][]byte{i32Const(65535), memoryGrow}, -1},
		"a table of 10^9 elements":   {[][]byte{refNullFunc, i32Const(1e9), tableGrow}, -1},
		"a table up to the limit":    {[][]byte{refNullFunc, i32Const(maxTable - 1), tableGrow}, 1},
		"one element beyond":         {[][]byte{refNullFunc, i32Const(maxTable), tableGrow}, -1},
		"a table of 2^32-1 elements": {[][]byte{refNullFunc, i32Const(-1), tableGrow}, -1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGuest()
			g.table(1)
			run(g, i32Const(16), slices.Concat(c.ask...), i32Store, pack(16, 4)) // the answer lies at 16
			m := load(t, newEngine(t, Options{MemoryBytes: memory}), g.bytes())
			reply, err := runGuest(t.Context(), t, m, "{}", &fakeTasks{})
			if want := string(binary.LittleEndian.AppendUint32(nil, uint32(c.want))); err != nil || reply != want {
				t.Errorf("got %x, %v, want %d", reply, err, c.want)
			}
		})
	}
}

// TestHostileStarts initializes guests that never end or fail: each ends within
// the context of whoever waits, and in a refusal at upload.
func TestHostileStarts(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		prepare func(g *guest)
		slow    bool
	}{
		"a start function that spins": {func(g *guest) { g.start = g.function("", noneToNone, loop, forever, end) }, true},
		"_initialize spins":           {func(g *guest) { g.function("_initialize", noneToNone, loop, forever, end) }, true},
		"a start function that traps": {func(g *guest) { g.start = g.function("", noneToNone, unreachable) }, false},
		"_initialize traps":           {func(g *guest) { g.function("_initialize", noneToNone, unreachable) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newReplier("{}")
			c.prepare(g)
			m := load(t, newEngine(t, Options{}), g.bytes())
			ctx, want := context.Context(t.Context()), ErrTrap
			if c.slow {
				ctx, want = soon(t), errSoon
			}
			if _, err := m.Sandbox(ctx, "tenant"); !errors.Is(err, want) {
				t.Errorf("got %v, want %v", err, want)
			}
		})
	}
}
