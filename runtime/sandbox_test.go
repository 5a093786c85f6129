package runtime

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/carrelhq/carrel/host"
)

// newEchoOfTask answers what task_get answers. Its carrel_alloc grows memory each
// time, so that every reply lands in memory that has just moved.
func newEchoOfTask() *guest {
	g := newBareGuest([][]byte{
		i32Const(1), memoryGrow, drop,
		globalGet(0), globalGet(0), localGet(0), i32Add, globalSet(0),
	}, "task_get")
	g.global(i32, 4096)
	return run(g, i32Const(0), i32Const(0), call(0))
}

func TestRepliesLandInMemoryThatMoved(t *testing.T) {
	t.Parallel()
	const task = `{"id":"0123456789"}`
	tasks := &fakeTasks{task: func() (json.RawMessage, error) { return json.RawMessage(task), nil }}
	m := load(t, newEngine(t, Options{}), newEchoOfTask().bytes())
	reply, err := runGuest(t.Context(), t, m, "{}", tasks)
	if want := `{"ok":{"task":` + task + `}}`; err != nil || reply != want {
		t.Errorf("got %q, %v, want %q", reply, err, want)
	}
}

// TestWhoIsToBlame: what fails below a host call is not the guest's fault, and
// the end of the context is told by its cause.
func TestWhoIsToBlame(t *testing.T) {
	t.Parallel()
	broken := errors.New("disk on fire")
	for name, c := range map[string]struct {
		task func(context.CancelCauseFunc) (json.RawMessage, error)
		want error
	}{
		"a host call fails": {func(context.CancelCauseFunc) (json.RawMessage, error) { return nil, broken }, broken},
		"a host call panics": {func(context.CancelCauseFunc) (json.RawMessage, error) {
			var none []int
			return nil, fmt.Errorf("%d", none[len(none)])
		}, errPanicked},
		"the context ends during a host call": {func(cancel context.CancelCauseFunc) (json.RawMessage, error) {
			cancel(errSoon)
			return nil, context.Canceled
		}, errSoon},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancelCause(t.Context())
			defer cancel(nil)
			tasks := &fakeTasks{task: func() (json.RawMessage, error) { return c.task(cancel) }}
			m := load(t, newEngine(t, Options{}), newEchoOfTask().bytes())
			_, err := runGuest(ctx, t, m, "{}", tasks)
			if !errors.Is(err, c.want) || errors.Is(err, ErrTrap) || errors.Is(err, host.ErrGuest) {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
}

func TestALostLeaseEndsTheRun(t *testing.T) {
	t.Parallel()
	lost := errors.New("lease lost")
	g := newBareGuest([][]byte{i32Const(64)}, "task_get", "log")
	const line = `{"message":"x"}`
	g.dataAt(16, []byte(line))
	run(g, i32Const(16), i32Const(int64(len(line))), call(1), drop, i32Const(0), i32Const(0), call(0))
	m := load(t, newEngine(t, Options{}), g.bytes())
	if _, err := runGuest(t.Context(), t, m, "{}", &fakeTasks{lost: lost}); !errors.Is(err, lost) {
		t.Errorf("got %v, want %v", err, lost)
	}
}

// TestSandboxesAreClean runs a guest a hundred times at once that looks for what
// another run has left in memory, in a global and in a table, and then fills all of it.
func TestSandboxesAreClean(t *testing.T) {
	t.Parallel()
	g := newGuest()
	mark := g.global(i64, 0)
	filled := g.global(i32, 0)
	g.dataAt(16, []byte("dirty"))
	g.dataAt(32, []byte("clean"))
	const from, size = pageSize + 4096, pageSize - 4096
	g.function("carrel_run", hostType,
		// Any byte that is not zero, or a global that was set, is a trace.
		globalGet(mark), localSet(3),
		i32Const(from), localSet(2),
		loop,
		localGet(3), localGet(2), i64Load, i64Or, localSet(3),
		localGet(2), i32Const(8), i32Add, localTee(2), i32Const(from+size), i32LessU, brIf(0),
		end,
		globalGet(filled), i64Extend, localGet(3), i64Or, localSet(3),
		i32Const(from), i32Const(0xaa), i32Const(size), memoryFill,
		i64Const(-1), globalSet(mark),
		i32Const(1), globalSet(filled),
		localGet(3), i64Eqz, ifThen, pack(32, 5), returning, end,
		pack(16, 5),
	)
	m := load(t, newEngine(t, Options{}), g.bytes())
	var wg sync.WaitGroup
	for range 100 {
		wg.Go(func() {
			if reply, err := runGuest(t.Context(), t, m, "{}", &fakeTasks{}); reply != "clean" {
				t.Errorf("got %q, %v", reply, err)
			}
		})
	}
	wg.Wait()
}

// TestRunsDoNotMix runs guests at once that answer their own request.
func TestRunsDoNotMix(t *testing.T) {
	t.Parallel()
	g := newGuest()
	run(g, localGet(0), i64Extend, i64Const(32), i64Shl, localGet(1), i64Extend, i64Or)
	m := load(t, newEngine(t, Options{}), g.bytes())
	var wg sync.WaitGroup
	for i := range 100 {
		wg.Go(func() {
			request := strings.Repeat(fmt.Sprintf("%03d", i), 1000)
			if reply, err := runGuest(t.Context(), t, m, request, &fakeTasks{}); reply != request {
				t.Errorf("got %.20q, %v, want %.20q", reply, err, request)
			}
		})
	}
	wg.Wait()
}

// TestARunPaysForItselfOnly: what a module spends before its run is counted then,
// and not once more at the end of a run that did not come from a snapshot.
func TestARunPaysForItselfOnly(t *testing.T) {
	t.Parallel()
	used := func(snapshot bool) int64 {
		g := run(newGuest(), i32Const(0), i32Const(1), i32Const(pageSize), memoryFill, pack(16, 2))
		g.function("_initialize", noneToNone, i32Const(0), i32Const(1), i32Const(pageSize), memoryFill)
		m := load(t, newEngine(t, Options{}), g.bytes())
		if !snapshot {
			m.pool.settle(nil, "for the test")
		}
		s, err := m.Sandbox(t.Context(), "tenant")
		if err != nil {
			t.Fatal(err)
		}
		defer s.Release()
		session := host.NewSession(t.Context(), &fakeTasks{}, host.Options{})
		defer session.End()
		if _, err := s.Run(t.Context(), []byte("{}"), session); err != nil {
			t.Fatal(err)
		}
		return s.instance.used()
	}
	if fresh, made := used(false), used(true); fresh != made || fresh == 0 {
		t.Errorf("a fresh instance used %d, one of a snapshot %d", fresh, made)
	}
}
