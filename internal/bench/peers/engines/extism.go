package main

import (
	"context"
	"fmt"
	"time"

	extism "github.com/extism/go-sdk"
	"github.com/tetratelabs/wazero"
)

// extismExport is what a guest exports for Extism, whose calls have no arguments.
const extismExport = "extism_run"

// inExtism is a plug-in's instance for each request.
func inExtism(ctx context.Context, o order) (operation, error) {
	functions, err := hostFunctions(ctx, o.module)
	if err != nil {
		return nil, err
	}
	manifest := extism.Manifest{Wasm: []extism.Wasm{extism.WasmData{Data: o.module}}}
	plugin, err := extism.NewCompiledPlugin(ctx, manifest, extism.PluginConfig{EnableWasi: true}, functions)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) (time.Duration, error) {
		begin := time.Now()
		in, err := plugin.Instance(ctx, extism.PluginInstanceConfig{})
		if err != nil {
			return 0, err
		}
		if code, _, err := in.CallWithContext(ctx, extismExport, []byte(o.request)); err != nil || code != 0 {
			return 0, fmt.Errorf("the plug-in answered %d: %w", code, err)
		}
		err = in.Close(ctx)
		return time.Since(begin), err
	}, nil
}

// hostFunctions are what the guest imports from carrel; they do nothing.
func hostFunctions(ctx context.Context, module []byte) ([]extism.HostFunction, error) {
	r := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigInterpreter())
	defer r.Close(ctx)
	guest, err := r.CompileModule(ctx, module)
	if err != nil {
		return nil, err
	}
	var list []extism.HostFunction
	for _, f := range guest.ImportedFunctions() {
		if module, name, _ := f.Import(); module == "carrel" {
			f := extism.NewHostFunctionWithStack(name, func(_ context.Context, _ *extism.CurrentPlugin, stack []uint64) { stack[0] = 0 },
				[]extism.ValueType{extism.ValueTypeI32, extism.ValueTypeI32}, []extism.ValueType{extism.ValueTypeI64})
			f.SetNamespace(module)
			list = append(list, f)
		}
	}
	return list, nil
}
