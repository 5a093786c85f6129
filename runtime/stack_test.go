package runtime

import (
	"errors"
	"testing"

	"github.com/carrelhq/carrel/host"
	"github.com/carrelhq/carrel/runtime/share"
)

// Instructions of newDeep.
const opIf, opElse, emptyBlock = 0x04, 0x05, 0x40

// newDeep is a guest whose run goes so many calls deep, sets its status from there,
// and comes back.
func newDeep(calls int64) *guest {
	const request = `{"state":"working"}`
	g := newGuest("task_status")
	g.dataAt(16, []byte("{}"))
	g.dataAt(1024, []byte(request))
	const down = 2 // behind the import and carrel_alloc
	g.functionWith(noLocals, "", signature{Params: i32},
		localGet(0), []byte{opIf, emptyBlock},
		localGet(0), i32Const(-1), i32Add, call(down),
		[]byte{opElse},
		i32Const(1024), i32Const(int64(len(request))), call(0), drop,
		end)
	return run(g, i32Const(calls), call(down), pack(16, 2))
}

// TestADeepStackIsChargedAndGivenBack has guests go deep: the engine's stack for it
// is in the account for as long as it lives, which is not into the next run.
func TestADeepStackIsChargedAndGivenBack(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ calls, least, most int64 }{
		"a few calls":     {100, 0, 0},
		"thousands":       {4000, firstStack * stackFactor, maxStack * stackFactor},
		"nearly too many": {10_000, maxStack / 2 * stackFactor, maxStack * stackFactor},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEngine(t, Options{})
			m := load(t, e, newDeep(c.calls).bytes())
			for range 3 { // the same sandbox, from the second on
				sandbox, err := m.Sandbox(t.Context(), "tenant")
				if err != nil {
					t.Fatal(err)
				}
				before, during := e.memory.Used(), int64(0)
				tasks := &watchedTasks{onStatus: func() { during = e.memory.Used() }}
				session := host.NewSession(t.Context(), tasks, host.Options{Tenant: "tenant"})
				if _, err := sandbox.Run(t.Context(), nil, session); err != nil {
					t.Fatal(err)
				}
				if more := during - before; more < c.least || more > c.most {
					t.Errorf("%d bytes were charged for the stack, want %d to %d", more, c.least, c.most)
				}
				if after := e.memory.Used(); after != before {
					t.Errorf("%d bytes are charged after the run, %d before it", after, before)
				}
				if n := len(sandbox.instance.functions); c.least > 0 && n > 0 {
					t.Errorf("%d functions are kept, each with its stack", n)
				}
				sandbox.Release()
			}
		})
	}
}

// TestALargeFrameOfALeafIsCounted has functions that call nothing, and have many
// locals or none.
func TestALargeFrameOfALeafIsCounted(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		locals []byte
		deep   bool
	}{
		"few locals":     {noLocals, false},
		"50,000 vectors": {localsOf(50_000, v128), true},
	} {
		g := newGuest()
		g.dataAt(16, []byte("{}"))
		const leaf = 1 // behind carrel_alloc
		g.functionWith(c.locals, "", noneToNone, repeat(50, i32Const(0), i32Eqz, drop))
		m := load(t, newEngine(t, Options{}), run(g, call(leaf), pack(16, 2)).bytes())
		sandbox, err := m.Sandbox(t.Context(), "tenant")
		if err != nil {
			t.Fatal(err)
		}
		session := host.NewSession(t.Context(), &fakeTasks{}, host.Options{})
		if _, err := sandbox.Run(t.Context(), nil, session); err != nil {
			t.Fatal(err)
		}
		if deep := len(sandbox.instance.functions) == 0; deep != c.deep {
			t.Errorf("%s: deep is %t", name, deep)
		}
		sandbox.Release()
	}
}

// TestAStackThatDoesNotFitIsNotWaitedFor has a guest go deeper than a small server
// has memory for: its module can be run as before.
func TestAStackThatDoesNotFitIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	e := newEngine(t, Options{MemoryBytes: 4 * pageSize, AllMemoryBytes: 9 * pageSize})
	m := load(t, e, newDeep(4000).bytes())
	for range 3 {
		if _, err := runGuest(soon(t), t, m, "", &fakeTasks{}); !errors.Is(err, errNoMemory) || errors.Is(err, share.ErrNever) {
			t.Errorf("the run ended with %v, want %v", err, errNoMemory)
		}
	}
}
