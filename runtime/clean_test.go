package runtime

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/carrelhq/carrel/host"
	"github.com/carrelhq/carrel/runtime/rewrite"
)

// Instructions of the guests below.
var (
	memoryCopy   = []byte{0xfc, 10, 0, 0}
	memoryInit   = []byte{0xfc, 8, 0, 0} // from segment 0
	dataDrop     = []byte{0xfc, 9, 0}
	elemDrop     = []byte{0xfc, 13, 0}
	tableSet     = []byte{0x26, 0}
	tableFill    = []byte{0xfc, 17, 0}
	i32Store8    = []byte{0x3a, 0, 0}
	i32LessThanU = []byte{0x49}
)

// pattern is what dirty guests leave everywhere they can.
const pattern = 0xa5

// newDirty is a guest that does something with a memory of two pages, two mutable
// globals beside the heap's, a table of two, and segments of its own.
func newDirty(instructions ...[]byte) *guest {
	g := newGuest()
	g.global(i32, 7)
	g.global(i64, 1<<40)
	g.table(2)
	g.elements = [][]byte{{1, 0, 1, 0}} // passive, of function 0
	g.data = append(g.data, slices.Concat([]byte{1}, vector(bytes.Repeat([]byte{pattern}, 100))))
	g.dataCount = true
	g.function("carrel_run", hostType, slices.Concat(slices.Concat(instructions...), pack(16, 2)))
	return g
}

// everywhere fills memory and the globals with the pattern, by all that stores.
var everywhere = slices.Concat(
	i32Const(0), i32Const(pattern), i32Const(2*pageSize), memoryFill,
	i32Const(1), i32Const(0), i32Const(2*pageSize-1), memoryCopy,
	i32Const(64), i32Const(0), i32Const(100), memoryInit,
	i32Const(pageSize), localSet(2), // and every 4,000th byte once more, by itself
	loop, localGet(2), i32Const(pattern), i32Store8,
	localGet(2), i32Const(4000), i32Add, localTee(2), i32Const(2*pageSize), i32LessThanU, brIf(0), end,
	i32Const(pattern), globalSet(0), i32Const(pattern), globalSet(1), i64Const(pattern), globalSet(2),
)

// TestNothingOfARunIsLeftForTheNext has guests that fill all they can reach with a
// pattern, and looks at every sandbox before its next run: it must be the snapshot,
// byte for byte. Whether it was used before depends on how the run ended.
func TestNothingOfARunIsLeftForTheNext(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		run    [][]byte
		reused bool
		fails  bool // the run ends in an error
	}{
		"stores, fills, copies and globals": {run: [][]byte{everywhere}, reused: true},
		"nothing at all":                    {reused: true},
		"memory that grew":                  {run: [][]byte{everywhere, i32Const(1), memoryGrow, drop}},
		"table.set":                         {run: [][]byte{everywhere, i32Const(0), refNullFunc, tableSet}},
		"table.fill":                        {run: [][]byte{everywhere, i32Const(0), refNullFunc, i32Const(2), tableFill}},
		"table.grow":                        {run: [][]byte{everywhere, refNullFunc, i32Const(1), tableGrow, drop}},
		"data.drop":                         {run: [][]byte{everywhere, dataDrop}},
		"elem.drop":                         {run: [][]byte{everywhere, elemDrop}},
		"a trap half way":                   {run: [][]byte{everywhere, unreachable}, fails: true},
		"a stack that is used up":           {run: [][]byte{everywhere, localGet(0), localGet(1), call(1), drop}, fails: true},
		"a context that ends":               {run: [][]byte{everywhere, loop, forever, end}, fails: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := load(t, newEngine(t, Options{MemoryBytes: 4 * pageSize}), newDirty(c.run...).bytes())
			runs := 1000
			if !c.reused {
				runs = 30 // each makes a sandbox
			}
			if used := runDirty(t, m, runs, c.fails); (used > 0) != c.reused || c.reused && used != runs-1 {
				t.Errorf("%d of %d sandboxes had been used before", used, runs)
			}
		})
	}
}

// runDirty runs a module and returns how many of its sandboxes had been used before.
func runDirty(t *testing.T, m *Module, runs int, fails bool) (used int) {
	var want []byte
	seen := map[*instance]bool{}
	for range runs {
		s, err := m.Sandbox(t.Context(), "tenant")
		if err != nil {
			t.Fatal(err)
		}
		if want == nil {
			got, _ := s.instance.module.Memory().Read(0, s.instance.module.Memory().Size())
			want = bytes.Clone(got)
		}
		if found := traces(t.Context(), s.instance, want); found != "" {
			s.Release()
			t.Fatal(found)
		}
		if seen[s.instance] {
			used++
		}
		seen[s.instance] = true
		useUp(t, s, fails)
	}
	return used
}

// traces tells what of an instance is not as the snapshot has it.
func traces(ctx context.Context, in *instance, memory []byte) string {
	state, reason := in.of.pool.snapshot()
	if state == nil {
		return "there is no snapshot: " + reason
	}
	got, _ := in.module.Memory().Read(0, in.module.Memory().Size())
	if !bytes.Equal(got, memory) || bytes.IndexByte(got, pattern) >= 0 {
		return "a sandbox's memory is not the snapshot's"
	}
	if err := in.call(ctx, rewrite.Save); err != nil {
		return err.Error()
	}
	for i, g := range in.saved {
		if g.Get() != state.saved[i] {
			return fmt.Sprintf("global %d is %x, want %x", i, g.Get(), state.saved[i])
		}
	}
	return ""
}

// useUp runs the guest and gives the sandbox back.
func useUp(t *testing.T, s *Sandbox, fails bool) {
	defer s.Release()
	ctx := t.Context()
	if fails {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, 2*slice)
		defer cancel()
	}
	session := host.NewSession(ctx, &fakeTasks{}, host.Options{})
	defer session.End()
	if _, err := s.Run(ctx, []byte("{}"), session); (err != nil) != fails {
		t.Errorf("the run ended with %v", err)
	}
}
