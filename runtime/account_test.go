package runtime

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	goruntime "runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/carrelhq/carrel/runtime/share"
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
			s, err := m.Sandbox(t.Context(), "tenant")
			if err != nil {
				t.Error(err)
				return
			}
			if used := e.memory.Used(); used > e.opts.AllMemoryBytes {
				t.Errorf("%d bytes are in use, of %d", used, e.opts.AllMemoryBytes)
			}
			time.Sleep(time.Millisecond) // hold it, so that others wait
			s.Release()
		})
	}
	wg.Wait()

	first, err := m.Sandbox(t.Context(), "tenant")
	if err != nil {
		t.Fatal(err)
	}
	second, err := m.Sandbox(t.Context(), "tenant")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeoutCause(t.Context(), 50*time.Millisecond, errSoon)
	defer cancel()
	if s, err := m.Sandbox(ctx, "tenant"); err == nil {
		t.Error("there is no memory for a third sandbox, and yet it was made")
		s.Release() // or the engine waits for it
	} else if !errors.Is(err, errSoon) {
		t.Errorf("got %v, want that the wait ends with the context", err)
	}
	first.Release()
	second.Release()
}

// TestWhoWaitsGetsWhatIsPutBackIdle has somebody begin to wait for memory while the
// only instance that could be given up is looked at by a run that cannot have it.
func TestWhoWaitsGetsWhatIsPutBackIdle(t *testing.T) {
	t.Parallel()
	e := newEngine(t, Options{MemoryBytes: 2 * pageSize, AllMemoryBytes: 8 * pageSize})
	var searched atomic.Int32 // for memory to give up
	e.memory = share.New(share.Options{Most: e.opts.AllMemoryBytes, MakeRoom: func(enough func() bool) {
		e.makeRoom(enough)
		searched.Add(1)
	}})
	m := load(t, e, newReplier("{}").bytes())
	s, err := m.Sandbox(t.Context(), "tenant")
	if err != nil {
		t.Fatal(err)
	}
	in := s.instance
	s.Release()
	if m.pool.idle[0] != in {
		t.Fatal("the instance is not idle")
	}
	charged := in.share.charged
	m.wanted.Store(charged + 1)
	others, ok := e.memory.Try("others", e.opts.AllMemoryBytes-e.memory.Used())
	if !ok {
		t.Fatal("what is free is not to be had")
	}
	defer others.Release()

	in.share.mu.Lock() // the run stops here, with the instance in its hands
	looked := make(chan *instance)
	go func() { looked <- m.idle("tenant") }()
	isIdle := func() bool {
		m.pool.mu.Lock()
		defer m.pool.mu.Unlock()
		return len(m.pool.idle) > 0
	}
	for isIdle() {
		goruntime.Gosched()
	}
	served, before := make(chan error), searched.Load()
	go func() {
		g, err := e.memory.Take(t.Context(), "waits", charged)
		g.Release()
		served <- err
	}()
	for searched.Load() == before {
		goruntime.Gosched()
	}
	in.share.mu.Unlock()
	if <-looked != nil {
		t.Error("there was memory for the run")
	}
	if e.memory.Short() {
		t.Error("somebody waits for what an idle instance has")
		others.Release()
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
}

// heavy is a guest of two pages whose snapshot takes more than one.
func heavy(reply string) []byte {
	g := newReplier(reply)
	g.dataAt(4096, bytes.Repeat([]byte{1}, pageSize+8192))
	return g.bytes()
}

// use loads a module and takes a sandbox of it, both until the test calls release.
func use(t *testing.T, e *Engine, name string, data []byte) (m *Module, release func()) {
	t.Helper()
	m, err := e.Load(t.Context(), name, name, sourceOf(data))
	if err != nil {
		t.Fatal(err)
	}
	s, err := m.Sandbox(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return m, func() { s.Release(); m.Release() }
}

func TestSnapshotsOfModulesThatNobodyUsesMakeRoom(t *testing.T) {
	t.Parallel()
	const each = 2 * pageSize
	e := newEngine(t, Options{MemoryBytes: each, AllMemoryBytes: 2 * each})
	for i := range 4 {
		m, release := use(t, e, fmt.Sprint(i), heavy(fmt.Sprint(i)))
		if state, _ := m.pool.snapshot(); state == nil {
			t.Errorf("module %d has no snapshot", i)
		}
		release()
	}
	if got := e.ready(); !slices.Equal(got, []string{"3"}) {
		t.Errorf("ready are %q, want the last", got)
	}
}

func TestWhereThereIsNoRoomForASnapshotItIsDoneWithout(t *testing.T) {
	t.Parallel()
	const each = 2 * pageSize
	e := newEngine(t, Options{MemoryBytes: each, AllMemoryBytes: 3 * each})
	first, release := use(t, e, "first", heavy("first"))
	defer release()
	second, release := use(t, e, "second", heavy("second"))
	release()
	for range 3 {
		if state, _ := first.pool.snapshot(); state == nil {
			t.Error("the first module has no snapshot")
		}
		m, err := e.Load(t.Context(), "second", "second", nil)
		if err != nil || m != second {
			t.Fatalf("got %p, %v, want %p", m, err, second)
		}
		if got, err := runGuest(t.Context(), t, m, "{}", &fakeTasks{}); got != "second" || err != nil {
			t.Errorf("got %q, %v", got, err)
		}
		if state, reason := m.pool.snapshot(); state != nil || reason != "" {
			t.Error("the second module's question is settled")
		}
		m.Release()
	}
}

// TestWhatIsBesideMemoryIsCharged from when a sandbox is made until it is gone: for
// tables all that they may grow to.
func TestWhatIsBesideMemoryIsCharged(t *testing.T) {
	t.Parallel()
	const variable = 2 * 128 // and where it is saved
	for name, c := range map[string]struct {
		add  func(*guest)
		code []byte
		want int64
	}{
		"nothing":                      {want: variable},
		"tables that stay as they are": {add: func(g *guest) { g.table(1000) }, want: variable + 8*1000},
		"a table that may grow": {add: func(g *guest) { g.table(1000) },
			code: slices.Concat(refNullFunc, i32Const(1), tableGrow, drop), want: variable + 8*maxTable},
		"segments of elements": {add: func(g *guest) {
			for range 10 {
				g.elements = append(g.elements, slices.Concat([]byte{1, 0}, uleb(100), make([]byte, 100)))
			}
		}, want: variable + 10*(24+8*100)},
		"segments of data": {add: func(g *guest) {
			for range 1000 {
				g.data = append(g.data, []byte{1, 0})
			}
		}, want: variable + 24*1000},
		"global variables": {add: func(g *guest) {
			for range 100 {
				g.global(i64, 0)
			}
		}, want: 101 * variable},
	} {
		e := newEngine(t, Options{})
		before := e.memory.Used()
		g := newGuest()
		if c.add != nil {
			c.add(g)
		}
		m := load(t, e, run(g, c.code, pack(16, 2)).bytes())
		m.pool.settle(nil, "it is to run on fresh instances")
		in, err := m.admit(t.Context(), "tenant")
		if err != nil {
			t.Fatal(err)
		}
		const memory = 2 * pageSize
		if got := e.memory.Used() - before; got != c.want+memory {
			t.Errorf("%s: charged with %d bytes beside its memory, want %d", name, got-memory, c.want)
		}
		in.share.rest() // which leaves what it has, and not what a run may need
		if got := e.memory.Used() - before; got != c.want+memory {
			t.Errorf("%s: at rest it is charged with %d bytes beside its memory, want %d", name, got-memory, c.want)
		}
		in.close()
		if got := e.memory.Used(); got != before {
			t.Errorf("%s: %d bytes are left", name, got-before)
		}
	}
}

func TestWhoWantsAllMemoryDoesNotMakeOthersWait(t *testing.T) {
	t.Parallel()
	const each = 2 * pageSize
	e := newEngine(t, Options{MemoryBytes: each, AllMemoryBytes: 5 * each})
	m := load(t, e, newReplier("{}").bytes())
	greedy := func(ctx context.Context) error {
		s, err := m.Sandbox(ctx, "greedy")
		if err == nil {
			t.Cleanup(s.Release)
		}
		return err
	}
	for i := range 3 {
		if err := greedy(t.Context()); err != nil {
			t.Fatalf("number %d: %v", i, err)
		}
	}
	if err := greedy(soon(t)); !errors.Is(err, errSoon) {
		t.Errorf("beyond three quarters: got %v", err)
	}
	s, err := m.Sandbox(t.Context(), "other")
	if err != nil {
		t.Fatal(err)
	}
	s.Release()
	if err := greedy(soon(t)); !errors.Is(err, errSoon) {
		t.Errorf("for a bound that is its own, others' memory was of use: got %v", err)
	}
}

// TestWhatARunWasRefusedTheNextOneHas has a guest grow into what others have.
func TestWhatARunWasRefusedTheNextOneHas(t *testing.T) {
	t.Parallel()
	e := newEngine(t, Options{MemoryBytes: 4 * pageSize, AllMemoryBytes: 9 * pageSize})
	other := load(t, e, newReplier("other").bytes())
	var held []*Sandbox
	for range 3 {
		s, err := other.Sandbox(t.Context(), "other")
		if err != nil {
			t.Fatal(err)
		}
		defer s.Release()
		held = append(held, s)
	}
	g := newGuest()
	g.dataAt(16, []byte("grown"))
	run(g, i32Const(2), memoryGrow, drop, pack(16, 5))
	m := load(t, e, g.bytes())
	if got, err := runGuest(t.Context(), t, m, "{}", &fakeTasks{}); !errors.Is(err, errNoMemory) {
		t.Fatalf("got %q, %v", got, err)
	}
	if got, err := runGuest(soon(t), t, m, "{}", &fakeTasks{}); !errors.Is(err, errSoon) || !errors.Is(err, errNoMemory) {
		t.Errorf("while others have it: got %q, %v", got, err)
	}
	held[0].Release()
	if got, err := runGuest(t.Context(), t, m, "{}", &fakeTasks{}); got != "grown" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestIdleSandboxesAreNoTenants(t *testing.T) {
	t.Parallel()
	const each = 2 * pageSize
	e := newEngine(t, Options{MemoryBytes: each, AllMemoryBytes: 5 * each, TenantMemoryBytes: each})
	g := newGuest()
	g.dataAt(16, []byte("{}"))
	run(g, i32Const(pageSize), i32Const(1), i32Store, pack(16, 2)) // a page stays its own
	m := load(t, e, g.bytes())
	if _, err := runGuest(t.Context(), t, m, "{}", &fakeTasks{}); err != nil {
		t.Fatal(err)
	}
	if held, ok := e.memory.Try("tenant", each); !ok {
		t.Error("the tenant has no sandbox and may not have one")
	} else {
		defer held.Release()
		if more, ok := e.memory.Try("tenant", 1); ok {
			more.Release()
			t.Error("the tenant has more than its part")
		}
	}
}

func TestWhatWasUsedLongestAgoMakesRoom(t *testing.T) {
	t.Parallel()
	e := newEngine(t, Options{})
	var modules []*Module
	for i := range 3 {
		m, release := use(t, e, fmt.Sprint(i), heavy(fmt.Sprint(i)))
		modules = append(modules, m)
		release()
	}
	idle := func() (counts []int) {
		for _, m := range modules {
			counts = append(counts, len(m.pool.idle))
		}
		return counts
	}
	if e.makeRoom(func() bool { return idle()[1] == 0 }); !slices.Equal(idle(), []int{0, 0, 1}) || len(e.ready()) != 3 {
		t.Errorf("idle are %d, ready %q: want that the first two have given theirs up", idle(), e.ready())
	}
	snapshots := e.images.Used()
	if e.makeRoom(func() bool { return e.images.Used() < snapshots/2 }); !slices.Equal(e.ready(), []string{"2"}) {
		t.Errorf("ready are %q, want that modules go last", e.ready())
	}
}

func TestNothingIsChargedForWhatIsGone(t *testing.T) {
	t.Parallel()
	e := newEngine(t, Options{})
	for i := range 3 {
		m, release := use(t, e, fmt.Sprint(i), heavy(fmt.Sprint(i)))
		if _, err := runGuest(t.Context(), t, m, "{}", &fakeTasks{}); err != nil {
			t.Error(err)
		}
		release()
	}
	failing, err := e.Load(t.Context(), "tenant", "failing", sourceOf(run(newGuest(), unreachable).bytes()))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := runGuest(t.Context(), t, failing, "{}", &fakeTasks{}); !errors.Is(err, ErrTrap) {
		t.Errorf("got %v", err)
	}
	failing.Release()
	e.unload(func() bool { return false })
	if e.memory.Used() != 0 || e.images.Used() != 0 || e.loaded.Used() != 0 {
		t.Errorf("memory %d, images %d, modules %d", e.memory.Used(), e.images.Used(), e.loaded.Used())
	}
}
