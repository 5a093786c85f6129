package rewrite_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/maphash"
	"slices"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/carrelhq/carrel/internal/programs"
	"github.com/carrelhq/carrel/runtime/rewrite"
	"github.com/carrelhq/carrel/runtime/wasm"
)

// Random programs are run as they are and rewritten. Until they run out of fuel or
// stack, which they cannot as they are, both must do the same.

// mostRefills is how often a rewritten program gets more fuel.
const mostRefills = 20

var errEnough = errors.New("enough")

// programWorld runs programs. Its host function answers nothing.
type programWorld struct {
	runtime wazero.Runtime
	refills int
}

func newProgramWorld(t testing.TB) *programWorld {
	ctx := t.Context()
	w := &programWorld{runtime: wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfig().WithMemoryLimitPages(6))}
	t.Cleanup(func() { _ = w.runtime.Close(context.Background()) })
	for _, f := range []struct {
		module, name    string
		call            api.GoModuleFunc
		params, results []api.ValueType
	}{
		{rewrite.HostModule, rewrite.Refill, w.refill, nil, nil},
		{"carrel", "task_get", func(_ context.Context, _ api.Module, stack []uint64) { stack[0] = 0 }, []api.ValueType{wasm.I32, wasm.I32}, []api.ValueType{wasm.I64}},
	} {
		if _, err := w.runtime.NewHostModuleBuilder(f.module).NewFunctionBuilder().WithGoModuleFunction(f.call, f.params, f.results).Export(f.name).Instantiate(ctx); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

func (w *programWorld) refill(_ context.Context, m api.Module, _ []uint64) {
	if w.refills++; w.refills > mostRefills || int64(m.ExportedGlobal(rewrite.Stack).Get()) < 0 {
		panic(errEnough)
	}
	fuel := m.ExportedGlobal(rewrite.Fuel).(api.MutableGlobal)
	fuel.Set(fuel.Get() + 10_000)
}

// run runs a program and says after each step how it went and what the program's
// state is, until a step fails. It returns the error of one that had enough.
func (w *programWorld) run(t testing.TB, module []byte, segments []rewrite.Segment) (said []string, err error) {
	t.Helper()
	w.refills = 0
	m, err := w.runtime.InstantiateWithConfig(t.Context(), module, wazero.NewModuleConfig().WithName("").WithStartFunctions())
	if err != nil { // a start function that traps
		return []string{reasonOf(err)}, nil
	}
	defer m.Close(context.Background())
	for _, s := range segments {
		m.Memory().Write(s.Offset, s.Bytes)
	}
	if err := step(t, m, rewrite.Start); err != nil {
		return []string{reasonOf(err)}, enough(err)
	}
	for i, name := range []string{"_initialize", "carrel_warm", "carrel_run", "carrel_run", "carrel_run"} {
		const at = 4096
		var params []uint64
		if name == "carrel_run" {
			m.Memory().Write(at, binary.LittleEndian.AppendUint64(nil, uint64(i)))
			params = []uint64{at, programs.MinRequest}
		}
		err := step(t, m, name, params...)
		said = append(said, name+": "+reasonOf(err)+stateOf(m))
		if err != nil {
			return said, enough(err)
		}
	}
	return said, nil
}

// step calls a function if there is one. A run answers where memory begins.
func step(t testing.TB, m api.Module, name string, params ...uint64) error {
	fn := m.ExportedFunction(name)
	if fn == nil {
		return nil
	}
	_, err := fn.Call(t.Context(), params...)
	return err
}

func enough(err error) error {
	if errors.Is(err, errEnough) {
		return err
	}
	return nil
}

// reasonOf is the first line of the engine's report: what follows are functions by
// their number.
func reasonOf(err error) string {
	if err == nil {
		return "ok"
	}
	_, reason, _ := strings.Cut(err.Error(), "wasm error: ")
	reason, _, _ = strings.Cut(reason, "\n")
	return reason
}

// stateOf is the memory, and the globals that the program exports.
func stateOf(m api.Module) string {
	content, _ := m.Memory().Read(0, m.Memory().Size())
	state := fmt.Sprintf(", %d bytes %x, globals", len(content), maphash.Bytes(stateSeed, content))
	for i := range 16 {
		if g := m.ExportedGlobal(fmt.Sprint("global ", i)); g != nil {
			state += fmt.Sprintf(" %x", g.Get())
		}
	}
	return state
}

var stateSeed = maphash.MakeSeed()

// alike compares a program with what is made of it, if that ends.
func (w *programWorld) alike(t testing.TB, original []byte) (ended bool) {
	t.Helper()
	m, err := wasm.Parse(original)
	if err != nil {
		t.Fatal(err)
	}
	out, err := rewrite.Rewrite(m, rewrite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	got, err := w.run(t, out.Module, out.Segments)
	if err != nil {
		return false // the original may not end at all
	}
	if want, _ := w.run(t, original, nil); !slices.Equal(got, want) {
		t.Errorf("rewritten\n%s, want\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	return true
}

func TestProgramsDoTheSameRewritten(t *testing.T) {
	t.Parallel()
	w := newProgramWorld(t)
	ended := 0
	for seed := range uint64(150) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			if w.alike(t, programs.Module(programs.Seeded(seed))) {
				ended++
			}
		})
	}
	t.Logf("%d programs were compared", ended)
	if ended < 100 {
		t.Errorf("%d programs were compared, want at least 100", ended)
	}
}

func TestModulesOfSmithDoTheSameRewritten(t *testing.T) {
	t.Parallel()
	modules, err := programs.Smith()
	if err != nil {
		t.Fatal(err)
	}
	w := newProgramWorld(t)
	for name, module := range modules {
		t.Run(name, func(t *testing.T) { w.alike(t, module) })
	}
}

// FuzzRewrittenPrograms holds the same of any program.
func FuzzRewrittenPrograms(f *testing.F) {
	w := newProgramWorld(f)
	f.Add(uint64(0))
	f.Fuzz(func(t *testing.T, seed uint64) { w.alike(t, programs.Module(programs.Seeded(seed))) })
}
