package runtime

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"
)

// TestSandboxesWaitForMemory has room for two at a time and asks for many.
func TestSandboxesWaitForMemory(t *testing.T) {
	t.Parallel()
	const each = 2 * pageSize // what the guest's memory has
	// The snapshot is charged, too, with the pages in it that are not zero.
	e := newEngine(t, Options{MemoryBytes: each, AllMemoryBytes: 3*each - 1})
	m := load(t, e, newReplier("{}").bytes())
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			s, err := m.Sandbox(t.Context())
			if err != nil {
				t.Error(err)
				return
			}
			if used := e.memory.used.Load(); used > e.memory.most {
				t.Errorf("%d bytes are in use, of %d", used, e.memory.most)
			}
			time.Sleep(time.Millisecond) // hold it, so that others wait
			s.Release()
		})
	}
	wg.Wait()

	first, err := m.Sandbox(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	second, err := m.Sandbox(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeoutCause(t.Context(), 50*time.Millisecond, errSoon)
	defer cancel()
	if s, err := m.Sandbox(ctx); err == nil {
		t.Error("there is no memory for a third sandbox, and yet it was made")
		s.Release() // or the engine waits for it
	} else if !errors.Is(err, errSoon) {
		t.Errorf("got %v, want that the wait ends with the context", err)
	}
	first.Release()
	second.Release()
}

// TestSnapshotsOfModulesThatNobodyUsesMakeRoom has room for one module's.
func TestSnapshotsOfModulesThatNobodyUsesMakeRoom(t *testing.T) {
	t.Parallel()
	const each = 2 * pageSize
	e := newEngine(t, Options{MemoryBytes: each, AllMemoryBytes: 2*each - 1})
	for name, data := range twoModules() { // the second waits for ever unless the first goes
		m, err := e.Load(t.Context(), name, func(context.Context) ([]byte, error) { return data, nil })
		if err != nil {
			t.Fatal(err)
		}
		s, err := m.Sandbox(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		s.Release()
		m.Release()
	}
}

// TestTablesAreCharged from when a sandbox is made until it is gone, with all that
// they may grow to.
func TestTablesAreCharged(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		code []byte
		want int64
	}{
		"tables that stay as they are": {nil, 8 * 1000},
		"a table that may grow":        {slices.Concat(refNullFunc, i32Const(1), tableGrow, drop), 8 * maxTable},
	} {
		e := newEngine(t, Options{})
		before := e.memory.used.Load()
		in, err := e.fresh(t.Context(), load(t, e, runningWith(func(g *guest) { g.table(1000) }, c.code)()))
		if err != nil {
			t.Fatal(err)
		}
		const memory = 2 * pageSize
		if got := e.memory.used.Load() - before; got != c.want+memory {
			t.Errorf("%s: charged with %d bytes beside its memory, want %d", name, got-memory, c.want)
		}
		in.close()
		if got := e.memory.used.Load(); got != before {
			t.Errorf("%s: %d bytes are left", name, got-before)
		}
	}
}
