package programs_test

import (
	"bytes"
	"context"
	"runtime"
	"testing"

	"github.com/tetratelabs/wazero"

	"github.com/carrelhq/carrel/internal/programs"
	"github.com/carrelhq/carrel/runtime/wasm"
)

func TestModulesAreValid(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	r := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigInterpreter())
	t.Cleanup(func() { _ = r.Close(context.Background()) })
	for seed := range uint64(300) {
		module := programs.Module(programs.Seeded(seed))
		if _, err := wasm.Parse(module); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		compiled, err := r.CompileModule(ctx, module)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		_ = compiled.Close(ctx)
	}
}

func TestAnyBytesMakeAModule(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	r := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigInterpreter())
	t.Cleanup(func() { _ = r.Close(context.Background()) })
	for _, random := range [][]byte{nil, {1}, bytes.Repeat([]byte{255}, 10), bytes.Repeat([]byte{31}, 10_000)} {
		if _, err := r.CompileModule(ctx, programs.Module(random)); err != nil {
			t.Errorf("%.10x: %v", random, err)
		}
	}
}

func TestTheSameBytesMakeTheSameModule(t *testing.T) {
	t.Parallel()
	a, b := programs.Module(programs.Seeded(7)), programs.Module(programs.Seeded(7))
	if !bytes.Equal(a, b) || bytes.Equal(a, programs.Module(programs.Seeded(8))) {
		t.Error("a module is not what its bytes make it")
	}
}

// TestTheEngineStillMistakesAComparison: 0 < (1 & x) for x = 1. Once this fails,
// programs need not keep from it any more.
func TestTheEngineStillMistakesAComparison(t *testing.T) {
	t.Parallel()
	if runtime.GOARCH != "amd64" {
		t.Skip("seen on amd64 only")
	}
	module := []byte("\x00asm\x01\x00\x00\x00" +
		"\x01\x06\x01\x60\x01\x7f\x01\x7f" + // type: i32 to i32
		"\x03\x02\x01\x00" + "\x07\x05\x01\x01f\x00\x00" +
		"\x0a\x14\x01\x12\x00" +
		"\x41\x00" + "\x41\x01\x20\x00\x71" + "\x48" + // i32.const 0, i32.const 1, local.get 0, i32.and, i32.lt_s
		"\x04\x7f\x41\x01\x05\x41\x00\x0b\x0b") // if 1, else 0
	results := map[bool]uint64{}
	for compiled, config := range map[bool]wazero.RuntimeConfig{true: wazero.NewRuntimeConfigCompiler(), false: wazero.NewRuntimeConfigInterpreter()} {
		r := wazero.NewRuntimeWithConfig(t.Context(), config)
		t.Cleanup(func() { _ = r.Close(context.Background()) })
		m, err := r.Instantiate(t.Context(), module)
		if err != nil {
			t.Fatal(err)
		}
		out, err := m.ExportedFunction("f").Call(t.Context(), 1)
		if err != nil {
			t.Fatal(err)
		}
		results[compiled] = out[0]
	}
	if results[false] != 1 {
		t.Errorf("interpreted, 0 < 1 is %d", results[false])
	}
	if results[true] == 1 {
		t.Error("the compiler is right now: take plain out, and what the package's comment says of it")
	}
}
