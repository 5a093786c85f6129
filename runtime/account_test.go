package runtime

import (
	"context"
	"errors"
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
	if s, err := m.Sandbox(ctx); !errors.Is(err, errSoon) {
		t.Errorf("got %v, %v, want that the wait ends with the context", s, err)
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
