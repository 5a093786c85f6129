package runtime

import (
	"context"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/carrelhq/carrel/abi"
)

// userType is the type of carrel's functions for plug-ins: the offset of a block
// with the request goes in, that of one with the reply comes out.
var userType = signature{Params: i64, Results: i64}

// bindExtism makes the host modules that plug-ins import from.
func bindExtism(ctx context.Context, r wazero.Runtime) error {
	env := r.NewHostModuleBuilder(extismEnv)
	for name, f := range envFunctions {
		env.NewFunctionBuilder().WithGoModuleFunction(f.bind(name), []byte(f.typ.Params), []byte(f.typ.Results)).Export(name)
	}
	if _, err := env.Instantiate(ctx); err != nil {
		return err
	}
	user := r.NewHostModuleBuilder(extismUser)
	for _, f := range abi.Funcs {
		user.NewFunctionBuilder().WithGoModuleFunction(userCall(f.Name), []byte(userType.Params), []byte(userType.Results)).Export(f.Name)
	}
	_, err := user.Instantiate(ctx)
	return err
}

// kernelOf is the kernel of the instance that calls a host function. A start
// function has none yet, as with Extism.
func kernelOf(in *instance, name string) *kernel {
	if in.kernel == nil {
		breakRule("it called %s from its start function", name)
	}
	return in.kernel
}

func (f envFunc) bind(name string) api.GoModuleFunc {
	return func(ctx context.Context, _ api.Module, stack []uint64) {
		in := instanceOf(ctx)
		in.enter(ctx)
		result := f.act(&envCall{ctx, in, kernelOf(in, name), stack})
		if f.typ.Results != "" {
			stack[0] = result
		}
	}
}

// userCall is a carrel function: the request is read in place, and the block with
// the reply is the plug-in's to free.
func userCall(name string) api.GoModuleFunc {
	return func(ctx context.Context, _ api.Module, stack []uint64) {
		in := instanceOf(ctx)
		k := kernelOf(in, name)
		in.enter(ctx)
		request := k.content(stack[0])
		in.pay(len(request))
		reply, err := in.answer(ctx, name, request)
		if err != nil {
			endRun(err)
		}
		stack[0] = k.give(reply)
	}
}
