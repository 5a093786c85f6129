package runtime

import (
	"encoding/binary"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/carrelhq/carrel/internal/programs"
)

// Random programs are run in every way in which a run may come by its sandbox, and
// by both of the engine's ways to run code. Nobody may see a difference.

// way is how a run comes by its sandbox: prepare is called before each.
type way struct {
	name    string
	prepare func(*Module)
}

// The ways, in the order in which they are tried on one module: the first is about
// there being no snapshot yet.
var ways = []way{
	{"an instance of its own", func(m *Module) { m.pool.settle(nil, "it is to run on fresh instances") }},
	{"the first instance, and ones made from its snapshot", func(m *Module) {
		if state, _ := m.pool.snapshot(); state == nil {
			m.pool.settle(nil, "")
		}
		m.pool.trim(true)
	}},
	{"a sandbox that was reset", func(*Module) {}},
}

// contest is two engines that programs run on, and a tally of how they fared.
type contest struct {
	compiler, interpreter *Engine

	mu    sync.Mutex
	tally map[string]int
}

func newContest(t testing.TB) *contest {
	opts := Options{MemoryBytes: 6 * pageSize}
	return &contest{compiler: newEngine(t, opts), interpreter: newInterpreter(t, opts), tally: map[string]int{}}
}

// newInterpreter is an engine that interprets.
func newInterpreter(t testing.TB, opts Options) *Engine {
	t.Helper()
	e := newEngine(t, opts)
	if err := e.runtime.Close(e.ctx); err != nil {
		t.Fatal(err)
	}
	e.runtime = wazero.NewRuntimeWithConfig(e.ctx, wazero.NewRuntimeConfigInterpreter().
		WithCoreFeatures(api.CoreFeaturesV2).WithMemoryLimitPages(uint32(opts.MemoryBytes/pageSize)))
	if err := bind(e.ctx, e.runtime); err != nil {
		t.Fatal(err)
	}
	return e
}

// hold runs a program in all ways. It begins as if nobody had ever run it.
func (c *contest) hold(t testing.TB, module []byte, requests [][]byte) {
	t.Helper()
	t.Cleanup(func() { // after the modules are released
		c.compiler.unload(func() bool { return false })
		c.interpreter.unload(func() bool { return false })
	})
	compiled, interpreted := load(t, c.compiler, module), load(t, c.interpreter, module)
	want := c.runs(t, compiled, ways[0], requests)
	for _, w := range ways[1:] {
		same(t, w.name, c.runs(t, compiled, w, requests), want)
	}
	got := c.runs(t, interpreted, ways[len(ways)-1], requests)
	for i := range got {
		// How deep an interpreted call may go is up to the interpreter.
		if strings.Contains(got[i].err, "stack overflow") {
			got[i] = want[i]
		}
	}
	same(t, "the interpreter", got, want)
	for _, o := range want {
		c.count(o, int(compiled.outline.memory.Min))
	}
}

// runs has a module answer requests, one after the other.
func (c *contest) runs(t testing.TB, m *Module, w way, requests [][]byte) (list []outcome) {
	t.Helper()
	used := map[*instance]bool{}
	for _, r := range requests {
		w.prepare(m)
		s, err := m.Sandbox(t.Context(), "tenant")
		if err != nil {
			list = append(list, outcome{err: err.Error()})
			continue
		}
		if used[s.instance] {
			c.note("on a sandbox that was used before")
		}
		used[s.instance] = true
		list = append(list, observe(t, s, r))
	}
	return list
}

func same(t testing.TB, name string, got, want []outcome) {
	t.Helper()
	for i := range got {
		if got[i] != want[i] {
			t.Errorf("request %d on %s:\n%v, want\n%v", i, name, got[i], want[i])
		}
	}
}

func (c *contest) note(what string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tally[what]++
}

// count notes how a run on a memory of so many pages ended, and what it did.
func (c *contest) count(o outcome, pages int) {
	switch {
	case o.pages == 0:
		c.note("initialization failed")
	case o.err == "":
		c.note("completed")
	case o.err == errFuel.Error():
		c.note("ran out of fuel")
	case o.err == errStack.Error():
		c.note("ran out of stack")
	default:
		c.note("trapped")
	}
	if o.err == "" && int(o.pages) > pages {
		c.note("completed and grew memory")
	}
	if o.err == "" && o.dirty {
		c.note("completed and changed a table or dropped a segment")
	}
}

// check holds that programs did all that they are meant to do.
func (c *contest) check(t *testing.T) {
	t.Log(c.tally)
	for what, least := range map[string]int{
		"initialization failed": 4, "completed": 300, "ran out of fuel": 20, "ran out of stack": 4, "trapped": 40,
		"completed and grew memory": 10, "completed and changed a table or dropped a segment": 50,
		"on a sandbox that was used before": 200,
	} {
		if c.tally[what] < least {
			t.Errorf("%s: %d programs, want at least %d", what, c.tally[what], least)
		}
	}
}

func TestProgramsRunAlike(t *testing.T) {
	t.Parallel()
	c := newContest(t)
	for seed := range uint64(200) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { c.hold(t, programs.Module(programs.Seeded(seed)), requestsOf(seed)) })
	}
	c.check(t)
}

// TestModulesOfSmithRunAlike does the same with modules of another maker.
func TestModulesOfSmithRunAlike(t *testing.T) {
	t.Parallel()
	modules, err := programs.Smith()
	if err != nil || len(modules) != 112 {
		t.Fatalf("%d modules, %v", len(modules), err)
	}
	c := newContest(t)
	for name, module := range modules {
		t.Run(name, func(t *testing.T) { c.hold(t, module, requestsOf(7)[:2]) })
	}
	t.Log(c.tally)
}

// FuzzPrograms holds the same of any program. It is given seeds, not bytes: those
// the fuzzer would spend its time on making shorter.
func FuzzPrograms(f *testing.F) {
	c := newContest(f)
	f.Add(uint64(0), uint64(0))
	f.Fuzz(func(t *testing.T, seed, request uint64) {
		c.hold(t, programs.Module(programs.Seeded(seed)), requestsOf(request))
	})
}

func requestsOf(seed uint64) (list [][]byte) {
	for i := range uint64(4) {
		list = append(list, binary.LittleEndian.AppendUint64(nil, seed<<8+i))
	}
	return list
}
