package rewrite_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/carrelhq/carrel/runtime/rewrite"
	"github.com/carrelhq/carrel/runtime/wasm"
)

// The WebAssembly specification's tests, as they lie in wazero's module, are run
// twice: with each module as it is, and read and rewritten by us. Both must come
// out the same, command by command.

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
}

func newSpecWorld(t *testing.T, spectest []byte, rewriting func([]byte) ([]byte, error)) *specWorld {
	ctx := t.Context()
	r := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfig().WithCoreFeatures(api.CoreFeaturesV2))
	t.Cleanup(func() { _ = r.Close(context.Background()) })
	_, err := r.NewHostModuleBuilder(rewrite.HostModule).NewFunctionBuilder().
		WithGoModuleFunction(api.GoModuleFunc(refill), nil, nil).Export(rewrite.Refill).Instantiate(ctx)
	if err != nil {
		t.Fatal(err)
	}
	w := &specWorld{t: t, runtime: r, rewrite: rewriting, modules: map[string]api.Module{}}
	if _, err := r.InstantiateWithConfig(ctx, spectest, wazero.NewModuleConfig().WithName("spectest")); err != nil {
		t.Fatal(err)
	}
	return w
}

// refill gives fuel, and ends what uses too much of the stack.
func refill(_ context.Context, m api.Module, _ []uint64) {
	if int64(m.ExportedGlobal(rewrite.Stack).Get()) < 0 {
		panic("stack overflow")
	}
	m.ExportedGlobal(rewrite.Fuel).(api.MutableGlobal).Set(10_000)
}

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
		stack.Set(1 << 20) // after a trap before this
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
	counts := map[string]int{}
	for _, version := range []string{"v1", "v2"} {
		files, err := filepath.Glob(filepath.Join(root, version, "testdata", "*.json"))
		if err != nil || len(files) == 0 {
			t.Fatalf("no tests in %s: %v", root, err)
		}
		for _, file := range files {
			t.Run(version+"/"+strings.TrimSuffix(filepath.Base(file), ".json"), func(t *testing.T) {
				compareSpec(t, file, spectest, counts)
			})
		}
	}
	t.Logf("%v", counts)
}

func compareSpec(t *testing.T, file string, spectest []byte, counts map[string]int) {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var spec specFile
	if err := json.Unmarshal(text, &spec); err != nil {
		t.Fatal(err)
	}
	plain := newSpecWorld(t, spectest, func(b []byte) ([]byte, error) { return b, nil })
	ours := newSpecWorld(t, spectest, rewritten)
	for i, c := range spec.Commands {
		if c.Kind == "text" {
			counts["text"]++
			continue
		}
		var next *specCommand
		if i+1 < len(spec.Commands) {
			next = &spec.Commands[i+1]
		}
		want := plain.do(filepath.Dir(file), c, next)
		got := ours.do(filepath.Dir(file), c, next)
		counts[c.Type]++
		if want != got {
			t.Errorf("line %d: %s %s %s: %s, and rewritten %s", c.Line, c.Type, c.Filename, c.Action.Field, want, got)
		}
	}
}
