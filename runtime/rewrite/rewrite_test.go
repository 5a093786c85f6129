package rewrite

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/maphash"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/carrelhq/carrel/abi"
	"github.com/carrelhq/carrel/runtime/wasm"
)

// module puts a module together. Functions are exported as "0", "1", ….
type module struct {
	functions []testFunction
	globals   []encoder // type, mutability and value
	pages     uint64
	table     uint64 // elements, of functions
	passive   []byte // a data segment
}

type testFunction struct {
	params, results string
	code            encoder // with its end
}

func (m module) bytes() []byte {
	out := encoder("\x00asm\x01\x00\x00\x00")
	var types, functions, exports, code encoder
	for i, f := range m.functions {
		types.byte(0x60)
		types.name(f.params)
		types.name(f.results)
		functions.uint(uint64(i))
		exports.name(fmt.Sprint(i))
		exports.byte(byte(wasm.KindFunc))
		exports.uint(uint64(i))
		code.vector(append([]byte{0}, f.code...))
	}
	out.section(wasm.SectionType, len(m.functions), types)
	out.section(wasm.SectionFunction, len(m.functions), functions)
	if m.table > 0 {
		out.section(wasm.SectionTable, 1, append(encoder{wasm.Funcref, 0}, byte(m.table)))
	}
	memory := encoder{0}
	memory.uint(m.pages)
	out.section(wasm.SectionMemory, 1, memory)
	out.section(wasm.SectionGlobal, len(m.globals), bytes.Join(asBytes(m.globals), nil))
	out.section(wasm.SectionExport, len(m.functions), exports)
	if m.table > 0 {
		out.section(wasm.SectionElement, 1, encoder{1, 0, 1, 0}) // passive, of function 0
	}
	if m.passive != nil {
		out.section(wasm.SectionDataCount, 1, nil)
	}
	out.section(wasm.SectionCode, len(m.functions), code)
	if m.passive != nil {
		data := encoder{1}
		data.vector(m.passive)
		out.section(wasm.SectionData, 1, data)
	}
	return out
}

func asBytes(list []encoder) (out [][]byte) {
	for _, e := range list {
		out = append(out, e)
	}
	return out
}

func mustRewrite(t testing.TB, original []byte, opts Options) *Result {
	t.Helper()
	m, err := wasm.Parse(original)
	if err != nil {
		t.Fatal(err)
	}
	out, err := Rewrite(m, opts)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// instantiate runs a module whose refills cost nothing and are counted.
func instantiate(t testing.TB, code []byte, refills *int) api.Module {
	t.Helper()
	ctx := context.Background()
	r := wazero.NewRuntime(ctx)
	t.Cleanup(func() { _ = r.Close(ctx) })
	_, err := r.NewHostModuleBuilder(HostModule).NewFunctionBuilder().WithGoModuleFunction(api.GoModuleFunc(func(_ context.Context, m api.Module, _ []uint64) {
		*refills++
		fuel := m.ExportedGlobal(Fuel).(api.MutableGlobal)
		fuel.Set(fuel.Get() + 10_000)
	}), nil, nil).Export(Refill).Instantiate(ctx)
	if err != nil {
		t.Fatal(err)
	}
	m, err := r.Instantiate(ctx, code)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// bulkModule exports memory.fill, memory.copy and memory.init as "0", "1" and "2".
func bulkModule() module {
	call := func(op wasm.Op, immediates ...uint32) testFunction {
		var code encoder
		for i := range uint32(3) {
			code.with(wasm.OpLocalGet, i)
		}
		code.with(op, immediates...)
		code.op(wasm.OpEnd)
		return testFunction{"\x7f\x7f\x7f", "", code}
	}
	passive := make([]byte, 200_000)
	for i := range passive {
		passive[i] = byte(i * 7)
	}
	return module{
		functions: []testFunction{call(wasm.OpMemoryFill, 0), call(wasm.OpMemoryCopy, 0, 0), call(wasm.OpMemoryInit, 0, 0)},
		pages:     8, passive: passive,
	}
}

// TestBulkInstructionsDoWhatTheyDid compares long, overlapping and impossible
// bulk instructions with the engine's own.
func TestBulkInstructionsDoWhatTheyDid(t *testing.T) {
	t.Parallel()
	var none, refills int
	original := bulkModule().bytes()
	plain := instantiate(t, original, &none)
	ours := instantiate(t, mustRewrite(t, original, Options{}).Module, &refills)
	const size = 8 * wasm.PageSize
	seed := maphash.MakeSeed()
	random := rand.New(rand.NewPCG(1, 2))
	near := []uint64{0, 1, bulkStep - 1, bulkStep, bulkStep + 1, 2 * bulkStep, 199_999, 200_000, size - 1, size, size + 1, 1<<32 - 1}
	pick := func() uint64 {
		if random.IntN(2) == 0 {
			return near[random.IntN(len(near))]
		}
		return uint64(random.IntN(size))
	}
	trapped := 0
	for range 3000 {
		name := fmt.Sprint(random.IntN(3))
		args := []uint64{pick(), pick(), pick()}
		_, want := plain.ExportedFunction(name).Call(t.Context(), args...)
		_, got := ours.ExportedFunction(name).Call(t.Context(), args...)
		if (want == nil) != (got == nil) {
			t.Fatalf("%s%v: %v, and rewritten %v", name, args, want, got)
		}
		if want != nil {
			trapped++
		}
		a, _ := plain.Memory().Read(0, size)
		b, _ := ours.Memory().Read(0, size)
		if maphash.Bytes(seed, a) != maphash.Bytes(seed, b) {
			t.Fatalf("%s%v leaves another memory", name, args)
		}
	}
	if trapped < 300 || trapped > 2700 {
		t.Errorf("%d of 3000 trapped, which tests little", trapped)
	}
}

// TestALongBulkInstructionLooksAtTheFuelOnItsWay: the host is asked between steps.
func TestALongBulkInstructionLooksAtTheFuelOnItsWay(t *testing.T) {
	t.Parallel()
	for name := range 3 {
		refills := 0
		m := instantiate(t, mustRewrite(t, bulkModule().bytes(), Options{}).Module, &refills)
		if _, err := m.ExportedFunction(fmt.Sprint(name)).Call(t.Context(), 8, 0, 190_000); err != nil {
			t.Fatal(err)
		}
		if want := (190_000 >> bulkShift) / 10_000; refills < want {
			t.Errorf("instruction %d asked %d times, want %d", name, refills, want)
		}
	}
}

// globalsModule has a mutable global of each type and one that is constant; "0"
// adds to or negates all of them.
func globalsModule() module {
	value := func(t wasm.ValueType, mutable byte, fill func(*encoder)) encoder {
		e := encoder{t, mutable}
		fill(&e)
		e.op(wasm.OpEnd)
		return e
	}
	var code encoder
	code.with(wasm.OpGlobalGet, 0)
	code.i32(5)
	code.op(wasm.OpI32Add)
	code.with(wasm.OpGlobalSet, 0)
	code.with(wasm.OpGlobalGet, 1)
	code.i64(-9)
	code.op(wasm.OpI64Add)
	code.with(wasm.OpGlobalSet, 1)
	const f32Neg, f64Neg, v128Not = wasm.Op(0x8c), wasm.Op(0x9a), wasm.Op(0xfd4d)
	for i, op := range []wasm.Op{f32Neg, f64Neg, v128Not} {
		code.with(wasm.OpGlobalGet, uint32(i+2))
		code.op(op)
		code.with(wasm.OpGlobalSet, uint32(i+2))
	}
	code.op(wasm.OpEnd)
	var vector encoder // all 128 bits differ
	vector.with(wasm.OpGlobalGet, 4)
	vector.op(wasm.OpI64x2Extract)
	vector.byte(0)
	vector.with(wasm.OpGlobalGet, 4)
	vector.op(wasm.OpI64x2Extract)
	vector.byte(1)
	vector.op(wasm.OpEnd)
	return module{
		functions: []testFunction{{"", "", code}, {"", "\x7e\x7e", vector}},
		pages:     1,
		globals: []encoder{
			value(wasm.I32, 1, func(e *encoder) { e.i32(-7) }),
			value(wasm.I64, 1, func(e *encoder) { e.i64(1 << 40) }),
			value(wasm.F32, 1, func(e *encoder) { e.op(wasm.OpF32Const); e.byte(1, 2, 3, 4) }),
			value(wasm.F64, 1, func(e *encoder) { e.op(wasm.OpF64Const); e.byte(1, 2, 3, 4, 5, 6, 7, 8) }),
			value(wasm.V128, 1, func(e *encoder) {
				e.op(wasm.OpV128Const)
				e.byte(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16)
			}),
			value(wasm.I32, 0, func(e *encoder) { e.i32(1) }),
		},
	}
}

func TestMutableGlobalsAreSavedAndRestored(t *testing.T) {
	t.Parallel()
	out := mustRewrite(t, globalsModule().bytes(), Options{StackBytes: 5000})
	if out.Saved != 6 || out.Unsaved != "" { // a vector takes two
		t.Fatalf("got %d saved, %q", out.Saved, out.Unsaved)
	}
	refills := 0
	first, second := instantiate(t, out.Module, &refills), instantiate(t, out.Module, &refills)
	call := func(m api.Module, name string) []uint64 {
		t.Helper()
		result, err := m.ExportedFunction(name).Call(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return result
	}
	state := func(m api.Module) string {
		call(m, Save)
		var values []uint64
		for i := range out.Saved {
			values = append(values, m.ExportedGlobal(fmt.Sprint(SavedPrefix, i)).Get())
		}
		return fmt.Sprintf("%x %x", values, call(m, "1"))
	}
	call(first, "0") // another state than a fresh instance has
	want := state(first)
	for i := range out.Saved {
		twin := fmt.Sprint(SavedPrefix, i)
		second.ExportedGlobal(twin).(api.MutableGlobal).Set(first.ExportedGlobal(twin).Get())
	}
	call(second, Restore)
	if got := state(second); got != want {
		t.Errorf("another instance: got %s, want %s", got, want)
	}
	call(first, "0")
	first.ExportedGlobal(Stack).(api.MutableGlobal).Set(1)
	call(first, Restore)
	if got, stack := state(first), first.ExportedGlobal(Stack).Get(); got != want || stack != 5000 {
		t.Errorf("the same instance: got %s, want %s; stack %d", got, want, stack)
	}
}

// unrestored are the instructions whose effects a restore does not undo.
var unrestored = map[string]func(*encoder){
	"table.set":  func(e *encoder) { e.i32(0); null(e); e.with(wasm.OpTableSet, 0) },
	"table.grow": func(e *encoder) { null(e); e.i32(1); e.with(wasm.OpTableGrow, 0); e.op(wasm.OpDrop) },
	"table.fill": func(e *encoder) { e.i32(0); null(e); e.i32(1); e.with(wasm.OpTableFill, 0) },
	"table.copy": func(e *encoder) { e.i32(0); e.i32(1); e.i32(1); e.with(wasm.OpTableCopy, 0, 0) },
	"table.init": func(e *encoder) { e.i32(0); e.i32(0); e.i32(1); e.with(wasm.OpTableInit, 0, 0) },
	"elem.drop":  func(e *encoder) { e.with(wasm.OpElemDrop, 0) },
	"data.drop":  func(e *encoder) { e.with(wasm.OpDataDrop, 0) },
}

func null(e *encoder) { e.op(wasm.OpRefNull); e.byte(wasm.Funcref) }

// instantiateUnrestored instantiates a module whose function "0" is that code.
func instantiateUnrestored(t *testing.T, code encoder) api.Module {
	code.op(wasm.OpEnd)
	m := module{functions: []testFunction{{"", "", code}}, pages: 1, table: 2, passive: []byte("x")}
	return instantiate(t, mustRewrite(t, m.bytes(), Options{}).Module, new(int))
}

func TestChangesThatARestoreDoesNotUndoAreNoted(t *testing.T) {
	t.Parallel()
	for name, write := range unrestored {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var code encoder
			write(&code)
			in := instantiateUnrestored(t, code)
			if in.ExportedGlobal(Dirty).Get() != 0 {
				t.Error("a new instance is dirty")
			}
			if _, err := in.ExportedFunction("0").Call(t.Context()); err != nil {
				t.Fatal(err)
			}
			if in.ExportedGlobal(Dirty).Get() != 1 {
				t.Error("nobody would know")
			}
		})
	}
}

// TestCodeThatIsNotReachedStaysValid: nothing is paid there, and what pays for
// lengths elsewhere must have its local all the same.
func TestCodeThatIsNotReachedStaysValid(t *testing.T) {
	t.Parallel()
	for name, write := range unrestored {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			code := encoder{byte(wasm.OpReturn)}
			write(&code)
			if in := instantiateUnrestored(t, code); in.ExportedGlobal(Dirty).Get() != 0 {
				t.Error("a new instance is dirty")
			}
		})
	}
}

func TestTheOutputIsTheSameEachTime(t *testing.T) {
	t.Parallel()
	for _, m := range []module{bulkModule(), globalsModule()} {
		a, b := mustRewrite(t, m.bytes(), Options{}), mustRewrite(t, m.bytes(), Options{})
		if !bytes.Equal(a.Module, b.Module) {
			t.Error("two outputs differ")
		}
		if _, err := wasm.Parse(a.Module); err != nil {
			t.Error(err)
		}
	}
}

// FuzzRewrite holds what is made of a module that parses to the parser and to the
// engine, which must accept it if it accepts the original.
func FuzzRewrite(f *testing.F) {
	f.Add(bulkModule().bytes())
	f.Add(globalsModule().bytes())
	hostile, err := filepath.Glob("../testdata/hostile/*.wasm")
	if err != nil || len(hostile) == 0 {
		f.Fatalf("the hostile modules are not there: %v", err)
	}
	for _, path := range hostile {
		module, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(module)
	}
	f.Fuzz(func(t *testing.T, original []byte) {
		m, err := wasm.Parse(original)
		taken := func(x wasm.Export) bool { return strings.HasPrefix(x.Name, Prefix) }
		if err != nil || len(m.Memories) == 0 || slices.ContainsFunc(m.Exports, taken) {
			return
		}
		out, err := Rewrite(m, Options{})
		if err != nil {
			return
		}
		if _, err := wasm.Parse(out.Module); err != nil && !overLimit(err) {
			t.Fatalf("the output does not parse: %v", err)
		}
		ctx := context.Background()
		r := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigInterpreter())
		defer r.Close(ctx)
		if _, err := r.CompileModule(ctx, withoutCustoms(original)); err != nil {
			return
		}
		if _, err := r.CompileModule(ctx, out.Module); err != nil {
			t.Fatalf("the engine takes the original and not the output: %v", err)
		}
	})
}

// withoutCustoms leaves out the custom sections of a module that parses: the engine
// believes the numbers in a section of names, which is why those are written anew.
func withoutCustoms(m []byte) []byte {
	out, rest := bytes.Clone(m[:8]), m[8:]
	for len(rest) > 0 {
		size, n := binary.Uvarint(rest[1:])
		end := 1 + n + int(size)
		if rest[0] != wasm.SectionCustom {
			out = append(out, rest[:end]...)
		}
		rest = rest[end:]
	}
	return out
}

// overLimit reports whether an error is that there is too much of something: what
// has as much as it may has more afterwards.
func overLimit(err error) bool {
	var refusal *abi.Refusal
	return errors.As(err, &refusal) && slices.ContainsFunc(wasm.Rules(), func(r abi.Rule) bool { return r.Most > 0 && r.Name == refusal.Rule })
}
