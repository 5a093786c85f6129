package programs_test

import (
	"bytes"
	"context"
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
