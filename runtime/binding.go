package runtime

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/carrelhq/carrel/abi"
)

// bind makes the two host modules that guests import from.
func bind(ctx context.Context, r wazero.Runtime) error {
	carrel := r.NewHostModuleBuilder(abi.Module)
	for _, f := range abi.Funcs {
		carrel.NewFunctionBuilder().WithGoModuleFunction(hostCall(f.Name), wasmTypes(i32+i32), wasmTypes(i64)).
			WithParameterNames("req_ptr", "req_len").Export(f.Name)
	}
	if _, err := carrel.Instantiate(ctx); err != nil {
		return err
	}
	shim := r.NewHostModuleBuilder(wasiModule)
	for name, f := range wasiFunctions {
		shim.NewFunctionBuilder().WithGoModuleFunction(wasiCall(f), wasmTypes(f.typ.params), wasmTypes(f.typ.results)).Export(name)
	}
	_, err := shim.Instantiate(ctx)
	return err
}

func wasmTypes(letters string) (types []api.ValueType) {
	for i := range len(letters) {
		types = append(types, letters[i])
	}
	return types
}

// hostCall is a carrel function: the request is read in place, the reply goes
// into memory that the guest allocates.
func hostCall(name string) api.GoModuleFunc {
	return func(ctx context.Context, m api.Module, stack []uint64) {
		in := instanceOf(ctx)
		in.module = m // during the start function nobody else has set it yet
		ptr, length := uint32(stack[0]), uint32(stack[1])
		if in.allocating {
			panic(&guestFault{fmt.Sprintf("it called %s from within %s", name, abi.ExportAlloc)})
		}
		request, ok := m.Memory().Read(ptr, length)
		if !ok {
			panic(&guestFault{fmt.Sprintf("it called %s with %d bytes at %d, which is outside its memory", name, length, ptr)})
		}
		reply, err := in.answer(ctx, name, request)
		if err != nil {
			panic(&hostFailure{err})
		}
		at, err := in.give(ctx, reply)
		if err != nil {
			panic(&hostFailure{err})
		}
		stack[0] = abi.Pack(at, uint32(len(reply)))
	}
}

// answer is the reply to a host call, with a session or before there is one.
func (in *instance) answer(ctx context.Context, name string, request []byte) ([]byte, error) {
	if in.session != nil {
		return in.session.Call(ctx, name, request)
	}
	if name == "log" {
		return json.Marshal(abi.Reply[abi.Empty]{OK: &abi.Empty{}})
	}
	return json.Marshal(abi.Reply[abi.Empty]{Error: &abi.Error{Code: abi.Unavailable, Message: name + " works only during a run"}})
}

func wasiCall(f wasiFunc) api.GoModuleFunc {
	return func(ctx context.Context, m api.Module, stack []uint64) {
		result := errnoNosys
		if f.act != nil {
			result = f.act(instanceOf(ctx), m.Memory(), stack)
		}
		if f.typ.results != "" {
			stack[0] = uint64(result)
		}
	}
}
