package runtime

import (
	"context"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/carrelhq/carrel/abi"
	"github.com/carrelhq/carrel/runtime/rewrite"
)

// bind makes the host modules that guests import from. They serve all
// instances: whose call it is, the context says.
func bind(ctx context.Context, r wazero.Runtime) error {
	carrel := r.NewHostModuleBuilder(abi.Module)
	for _, f := range abi.Funcs {
		carrel.NewFunctionBuilder().WithGoModuleFunction(hostCall(f.Name), []byte(hostType.Params), []byte(hostType.Results)).
			WithParameterNames("req_ptr", "req_len").Export(f.Name)
	}
	if _, err := carrel.Instantiate(ctx); err != nil {
		return err
	}
	shim := r.NewHostModuleBuilder(wasiModule)
	for name, f := range wasiFunctions {
		shim.NewFunctionBuilder().WithGoModuleFunction(f.bind(), []byte(f.typ.Params), []byte(f.typ.Results)).Export(name)
	}
	if _, err := shim.Instantiate(ctx); err != nil {
		return err
	}
	if err := bindExtism(ctx, r); err != nil {
		return err
	}
	_, err := r.NewHostModuleBuilder(rewrite.HostModule).NewFunctionBuilder().
		WithGoModuleFunction(api.GoModuleFunc(refill), nil, nil).Export(rewrite.Refill).Instantiate(ctx)
	return err
}

// hostType is the type of every carrel function.
var hostType = signature{Params: i32 + i32, Results: i64}

// hostCall is a carrel function: the request is read in place, the reply goes
// into memory that the guest allocates.
func hostCall(name string) api.GoModuleFunc {
	return func(ctx context.Context, m api.Module, stack []uint64) {
		in := instanceOf(ctx)
		in.enter(ctx)
		ptr, length := uint32(stack[0]), uint32(stack[1])
		if in.allocating {
			breakRule("it called %s from within %s", name, abi.ExportAlloc)
		}
		request, ok := m.Memory().Read(ptr, length)
		if !ok {
			breakRule("it called %s with %d bytes at %d, which is outside its memory", name, length, ptr)
		}
		reply, err := in.answer(ctx, name, request)
		if err != nil {
			endRun(err)
		}
		in.pay(len(request) + len(reply))
		at, err := in.give(ctx, reply)
		if err != nil {
			endRun(err)
		}
		stack[0] = abi.Pack(at, uint32(len(reply)))
	}
}

// Replies before there is a session.
var (
	earlyOK          = []byte(`{"ok":{}}`)
	earlyUnavailable = []byte(`{"error":{"code":"unavailable","message":"host functions other than log work only during a run"}}`)
)

// answer is the reply to a host call, with a session or before there is one.
func (in *instance) answer(ctx context.Context, name string, request []byte) ([]byte, error) {
	switch {
	case in.session != nil:
		return in.session.Call(ctx, name, request)
	case name == "log":
		return earlyOK, nil
	}
	return earlyUnavailable, nil
}
