package rewrite

import (
	"context"
	"fmt"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/carrelhq/carrel/runtime/wasm"
)

// Instructions of the functions below: one that costs 1, and one that is 0.
var (
	step  = encoder{byte(wasm.OpI32Const), 0, 0x45, byte(wasm.OpDrop)} // i32.eqz
	never = encoder{byte(wasm.OpI32Const), 0}
	empty = encoder{emptyBlock}
)

// ways are what may stand where a region becomes too dear: control comes by all of
// them, and goes on behind.
var ways = map[string]encoder{
	"nothing":               nil,
	"a block":               join(encoder{byte(wasm.OpBlock)}, empty, encoder{byte(wasm.OpEnd)}),
	"a loop":                join(encoder{byte(wasm.OpLoop)}, empty, encoder{byte(wasm.OpEnd)}),
	"an if":                 join(never, encoder{byte(wasm.OpIf)}, empty, encoder{byte(wasm.OpEnd)}),
	"an if with an else":    join(never, encoder{byte(wasm.OpIf)}, empty, step, encoder{byte(wasm.OpElse)}, step, encoder{byte(wasm.OpEnd)}),
	"an if that leaves":     join(never, encoder{byte(wasm.OpIf)}, empty, encoder{byte(wasm.OpReturn), byte(wasm.OpEnd)}),
	"a br_if":               join(encoder{byte(wasm.OpBlock)}, empty, never, encoder{byte(wasm.OpBrIf), 0}, step, encoder{byte(wasm.OpEnd)}),
	"a br":                  join(encoder{byte(wasm.OpBlock)}, empty, encoder{byte(wasm.OpBr), 0, byte(wasm.OpEnd)}),
	"a br_table":            join(encoder{byte(wasm.OpBlock)}, empty, never, encoder{byte(wasm.OpBrTable), 1, 0, 0, byte(wasm.OpEnd)}),
	"a br_if of the body":   join(never, encoder{byte(wasm.OpBrIf), 0}),
	"a br_if out of a loop": join(encoder{byte(wasm.OpBlock)}, empty, encoder{byte(wasm.OpLoop)}, empty, never, encoder{byte(wasm.OpBrIf), 1, byte(wasm.OpEnd), byte(wasm.OpEnd)}),
}

func join(parts ...encoder) (out encoder) {
	for _, p := range parts {
		out.bytes(p)
	}
	return out
}

// regular is the code of a function that goes so many steps, and by a way, again and
// again. The call is paid with the first of them.
func regular(regions, steps int, way encoder) (code encoder) {
	for i := range regions * steps {
		if i >= costCall {
			code.bytes(step)
		}
		if (i+1)%steps == 0 {
			code.bytes(way)
		}
	}
	code.op(wasm.OpEnd)
	return code
}

// meter runs a function and returns what it paid, and by how much it had overdrawn
// at most when it asked for more, or was done.
func meter(t testing.TB, code encoder) (paid, overdrawn int64) {
	t.Helper()
	const refuel = 10
	given := int64(0)
	ctx := context.Background()
	r := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigInterpreter())
	t.Cleanup(func() { _ = r.Close(ctx) })
	refill := api.GoModuleFunc(func(_ context.Context, m api.Module, _ []uint64) {
		fuel := m.ExportedGlobal(Fuel).(api.MutableGlobal)
		overdrawn = max(overdrawn, -int64(fuel.Get()))
		given += refuel - int64(fuel.Get())
		fuel.Set(refuel)
	})
	if _, err := r.NewHostModuleBuilder(HostModule).NewFunctionBuilder().WithGoModuleFunction(refill, nil, nil).Export(Refill).Instantiate(ctx); err != nil {
		t.Fatal(err)
	}
	out := mustRewrite(t, module{functions: []testFunction{{"", "", code}}}.bytes(), Options{})
	m, err := r.Instantiate(ctx, out.Module)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.ExportedFunction("0").Call(ctx); err != nil {
		t.Fatal(err)
	}
	left := int64(m.ExportedGlobal(Fuel).Get())
	return given - left, max(overdrawn, -left)
}

// TestNoCodeIsFree has functions of many regions, whose ends come at every place
// around the one where a region becomes too dear.
func TestNoCodeIsFree(t *testing.T) {
	t.Parallel()
	const regions = 4
	for name, way := range ways {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for steps := checkCost - 12; steps <= checkCost+4; steps++ {
				if paid, _ := meter(t, regular(regions, steps, way)); paid < int64(regions*steps) {
					t.Errorf("%d steps: paid %d, less than %d", steps, paid, regions*steps)
				}
			}
		})
	}
}

// TestALineLooksAtTheFuelOnItsWay has functions that go on and on without a loop:
// the engine cannot be interrupted between two looks at the fuel.
func TestALineLooksAtTheFuelOnItsWay(t *testing.T) {
	t.Parallel()
	for name, way := range ways {
		for _, steps := range []int{10, 1000, 4000, 4090, 4091, 4092, 4093, 4094, 4095, 4096} {
			t.Run(fmt.Sprintf("%s after %d steps", name, steps), func(t *testing.T) {
				t.Parallel()
				if _, overdrawn := meter(t, regular(60_000/steps, steps, way)); overdrawn > 3*checkCost {
					t.Errorf("%d of fuel were spent without looking; %d is the most", overdrawn, 3*checkCost)
				}
			})
		}
	}
}
