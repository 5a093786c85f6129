package rewrite_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/carrelhq/carrel/runtime/rewrite"
	"github.com/carrelhq/carrel/runtime/wasm"
)

// The WebAssembly specification's tests, as they lie in wazero's module, are run
// with each module as it is, and read and rewritten by us. Both must come out the
// same, command by command; compiled and interpreted code must use the same fuel,
// and every function must give back the stack that it took.

type specFile struct {
	Commands []specCommand
}

type specCommand struct {
	Type     string
	Line     int
	Name     string
	Filename string
	As       string
	Text     string
	Kind     string `json:"module_type"`
	Action   struct {
		Type, Field, Module string
		Args                []specValue
	}
}

type specValue struct {
	Type     string
	LaneType string `json:"lane_type"`
	Value    any
}

// words are the value as the engine takes it.
func (v specValue) words(t *testing.T) []uint64 {
	one := func(s string) uint64 {
		if n, err := strconv.ParseUint(s, 10, 64); err == nil {
			return n
		}
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		return uint64(n)
	}
	switch {
	case v.Type == "v128":
		bits := map[string]int{"i8": 8, "i16": 16, "i32": 32, "f32": 32, "i64": 64, "f64": 64}[v.LaneType]
		var out [2]uint64
		for i, lane := range v.Value.([]any) {
			n := one(lane.(string)) & (math.MaxUint64 >> (64 - bits))
			out[i*bits/64] |= n << (i * bits % 64)
		}
		return out[:]
	case strings.HasSuffix(v.Type, "ref"):
		if v.Value == "null" {
			return []uint64{0}
		}
		return []uint64{one(v.Value.(string)) + 1}
	}
	return []uint64{one(v.Value.(string))}
}

// specWorld is one engine with the modules of one file.
type specWorld struct {
	t       *testing.T
	runtime wazero.Runtime
	rewrite func([]byte) ([]byte, error)
	modules map[string]api.Module
	last    api.Module
	refills int
}

func newSpecWorld(t *testing.T, spectest []byte, config wazero.RuntimeConfig, rewriting func([]byte) ([]byte, error)) *specWorld {
	ctx := t.Context()
	r := wazero.NewRuntimeWithConfig(ctx, config.WithCoreFeatures(api.CoreFeaturesV2))
	t.Cleanup(func() { _ = r.Close(context.Background()) })
	w := &specWorld{t: t, runtime: r, rewrite: rewriting, modules: map[string]api.Module{}}
	_, err := r.NewHostModuleBuilder(rewrite.HostModule).NewFunctionBuilder().
		WithGoModuleFunction(api.GoModuleFunc(w.refill), nil, nil).Export(rewrite.Refill).Instantiate(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.InstantiateWithConfig(ctx, spectest, wazero.NewModuleConfig().WithName("spectest")); err != nil {
		t.Fatal(err)
	}
	return w
}

// refill gives fuel, and ends what uses too much of the stack.
func (w *specWorld) refill(_ context.Context, m api.Module, _ []uint64) {
	if int64(m.ExportedGlobal(rewrite.Stack).Get()) < 0 {
		panic("stack overflow")
	}
	w.refills++
	fuel := m.ExportedGlobal(rewrite.Fuel).(api.MutableGlobal)
	fuel.Set(fuel.Get() + 10_000)
}

// account says what the last module has used, and that it gave its stack back.
func (w *specWorld) account(outcome string) string {
	if w.last == nil || w.last.ExportedGlobal(rewrite.Fuel) == nil {
		return ""
	}
	said := fmt.Sprintf("%d refills, %d left", w.refills, int64(w.last.ExportedGlobal(rewrite.Fuel).Get()))
	if stack := w.last.ExportedGlobal(rewrite.Stack).Get(); stack != stackBytes && !strings.HasPrefix(outcome, "trap") {
		said += fmt.Sprintf("; %d bytes of stack are missing", stackBytes-int64(stack))
	}
	return said
}

// forget makes the account begin anew.
func (w *specWorld) forget() {
	w.refills = 0
	w.last.ExportedGlobal(rewrite.Fuel).(api.MutableGlobal).Set(0)
}

const stackBytes = 1 << 20

// do carries a command out and says how it went.
func (w *specWorld) do(dir string, c specCommand, next *specCommand) string {
	switch c.Type {
	case "module":
		return w.instantiate(dir, c, next)
	case "assert_invalid", "assert_malformed", "assert_unlinkable", "assert_uninstantiable":
		last := w.last
		defer func() { w.last = last }()
		if said := w.instantiate(dir, c, nil); said == "ok" {
			return "ok"
		}
		return "refused"
	case "assert_return", "assert_trap", "assert_exhaustion", "action":
		return w.act(c)
	}
	return ""
}

func (w *specWorld) instantiate(dir string, c specCommand, next *specCommand) string {
	data, err := os.ReadFile(filepath.Join(dir, c.Filename))
	if err != nil {
		w.t.Fatal(err)
	}
	if data, err = w.rewrite(data); err != nil {
		return "refused: " + err.Error()
	}
	name := ""
	if next != nil && next.Type == "register" {
		name = next.As
	}
	ctx := w.t.Context()
	m, err := w.runtime.InstantiateWithConfig(ctx, data, wazero.NewModuleConfig().WithName(name).WithStartFunctions(rewrite.Start))
	if err != nil {
		return "refused: " + err.Error()
	}
	w.last = m
	if c.Name != "" {
		w.modules[c.Name] = m
	}
	return "ok"
}

func (w *specWorld) act(c specCommand) string {
	m := w.last
	if c.Action.Module != "" {
		m = w.modules[c.Action.Module]
	}
	if c.Action.Type == "get" {
		return fmt.Sprint(m.ExportedGlobal(c.Action.Field).Get())
	}
	if stack, ok := m.ExportedGlobal(rewrite.Stack).(api.MutableGlobal); ok {
		stack.Set(stackBytes) // after a trap before this
	}
	var args []uint64
	for _, a := range c.Action.Args {
		args = append(args, a.words(w.t)...)
	}
	out, err := m.ExportedFunction(c.Action.Field).Call(w.t.Context(), args...)
	if err != nil {
		reason, _, _ := strings.Cut(err.Error(), "\n")
		reason = strings.TrimPrefix(reason, "wasm error: ")
		return "trap: " + strings.TrimSuffix(strings.TrimSuffix(reason, " (recovered by wazero)"), "")
	}
	if m.ExportedFunction(c.Action.Field).Definition().ResultTypes() != nil {
		for i, t := range m.ExportedFunction(c.Action.Field).Definition().ResultTypes() {
			if t == api.ValueTypeExternref || t == 0x70 {
				out[i] = min(out[i], 1) // a reference is an address
			}
		}
	}
	return fmt.Sprint(out)
}

func specTests(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/tetratelabs/wazero").Output()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(strings.TrimSpace(string(out)), "internal", "integration_test", "spectest")
}

func rewritten(data []byte) ([]byte, error) {
	m, err := wasm.Parse(data)
	if err != nil {
		return nil, err
	}
	out, err := rewrite.Rewrite(m, rewrite.Options{KeepSegments: true})
	if err != nil {
		return nil, err
	}
	return out.Module, nil
}

func TestTheSpecificationsTestsComeOutTheSame(t *testing.T) {
	root := specTests(t)
	spectest, err := os.ReadFile(filepath.Join(root, "testdata", "spectest.wasm"))
	if err != nil {
		t.Fatal(err)
	}
	var counts specCounts
	for _, version := range []string{"v1", "v2"} {
		files, err := filepath.Glob(filepath.Join(root, version, "testdata", "*.json"))
		if err != nil || len(files) == 0 {
			t.Fatalf("no tests in %s: %v", root, err)
		}
		for _, file := range files {
			t.Run(version+"/"+strings.TrimSuffix(filepath.Base(file), ".json"), func(t *testing.T) {
				if raceEnabled && len(file)%raceShare != 0 {
					t.Skip("all of them run without the race detector")
				}
				t.Parallel()
				compareSpec(t, file, spectest, &counts)
			})
		}
	}
	t.Cleanup(func() { counts.check(t) })
}

// raceShare is what part of the files runs under the race detector, which makes
// the engine twenty times slower. make test runs all of them without, too.
const raceShare = 7

// specCounts are how many commands were compared.
type specCounts struct {
	mu     sync.Mutex
	byType map[string]int
}

func (c *specCounts) add(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.byType == nil {
		c.byType = map[string]int{}
	}
	c.byType[name]++
}

// wantSpecCounts is all that there is in wazero v1.12.0. "text" are modules in the
// text format that must not parse: they need an assembler, and say nothing about
// us. "register" names the module before it, which is done with that.
var wantSpecCounts = map[string]int{
	"action": 197, "assert_exhaustion": 30, "assert_invalid": 3135, "assert_malformed": 1380, "assert_return": 61522,
	"assert_trap": 2866, "assert_uninstantiable": 36, "assert_unlinkable": 178, "module": 2379, "register": 32, "text": 1521,
}

func (c *specCounts) check(t *testing.T) {
	if !raceEnabled && !t.Failed() && !maps.Equal(c.byType, wantSpecCounts) {
		t.Errorf("compared %v, want %v", c.byType, wantSpecCounts)
	}
}

func compareSpec(t *testing.T, file string, spectest []byte, counts *specCounts) {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var spec specFile
	if err := json.Unmarshal(text, &spec); err != nil {
		t.Fatal(err)
	}
	plain := newSpecWorld(t, spectest, wazero.NewRuntimeConfig(), func(b []byte) ([]byte, error) { return b, nil })
	ours := newSpecWorld(t, spectest, wazero.NewRuntimeConfigCompiler(), rewritten)
	interpreted := newSpecWorld(t, spectest, wazero.NewRuntimeConfigInterpreter(), rewritten)
	for i, c := range spec.Commands {
		if c.Kind == "text" {
			counts.add("text")
			continue
		}
		var next *specCommand
		if i+1 < len(spec.Commands) {
			next = &spec.Commands[i+1]
		}
		want := plain.do(filepath.Dir(file), c, next)
		got := ours.do(filepath.Dir(file), c, next)
		counts.add(c.Type)
		if want != got {
			t.Errorf("line %d: %s %s %s: %s, and rewritten %s", c.Line, c.Type, c.Filename, c.Action.Field, want, got)
		}
		again := interpreted.do(filepath.Dir(file), c, next)
		if c.Type == "assert_exhaustion" { // where the interpreter gives up earlier
			ours.forget()
			interpreted.forget()
		}
		if c.Action.Field == "" {
			continue
		}
		if got, again := ours.account(got), interpreted.account(again); got != again || strings.Contains(got, "missing") {
			t.Errorf("line %d: %s %s %s: used %s, and interpreted %s", c.Line, c.Type, c.Filename, c.Action.Field, got, again)
		}
	}
}
