package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"
)

// engine is wazero with a guest compiled in it, with a host whose functions do nothing.
type engine struct {
	runtime wazero.Runtime
	guest   wazero.CompiledModule
}

func newEngine(ctx context.Context, config wazero.RuntimeConfig, module []byte) (*engine, error) {
	e := &engine{runtime: wazero.NewRuntimeWithConfig(ctx, config)}
	if _, err := wasi_snapshot_preview1.Instantiate(ctx, e.runtime); err != nil {
		return nil, err
	}
	var err error
	if e.guest, err = e.runtime.CompileModule(ctx, module); err != nil {
		return nil, err
	}
	return e, e.bind(ctx)
}

// bind provides what the guest imports from carrel.
func (e *engine) bind(ctx context.Context) error {
	b := e.runtime.NewHostModuleBuilder("carrel")
	for _, f := range e.guest.ImportedFunctions() {
		module, name, _ := f.Import()
		if module == "carrel" {
			b.NewFunctionBuilder().WithGoFunction(api.GoFunc(nothing), f.ParamTypes(), f.ResultTypes()).Export(name)
		}
	}
	_, err := b.Instantiate(ctx)
	return err
}

// nothing is a host function whose reply is empty.
func nothing(_ context.Context, stack []uint64) { stack[0] = 0 }

// instantiate makes an instance and initializes it.
func (e *engine) instantiate(ctx context.Context) (api.Module, error) {
	return e.runtime.InstantiateModule(ctx, e.guest, wazero.NewModuleConfig().WithName("").WithStartFunctions("_initialize"))
}

// ask calls the guest once, by carrel's ABI, and returns its reply.
func ask(ctx context.Context, m api.Module, request string) ([]byte, error) {
	at, err := m.ExportedFunction("carrel_alloc").Call(ctx, uint64(len(request)))
	if err != nil {
		return nil, err
	}
	if !m.Memory().WriteString(uint32(at[0]), request) {
		return nil, fmt.Errorf("no room for the request at %d", at[0])
	}
	packed, err := m.ExportedFunction("carrel_run").Call(ctx, at[0], uint64(len(request)))
	if err != nil {
		return nil, err
	}
	reply, ok := m.Memory().Read(uint32(packed[0]>>32), uint32(packed[0]))
	if !ok || len(reply) == 0 {
		return nil, fmt.Errorf("no reply at %x", packed[0])
	}
	return append([]byte(nil), reply...), nil
}

// fresh is an instance for each request.
func fresh(ctx context.Context, o order) (operation, error) {
	e, err := newEngine(ctx, wazero.NewRuntimeConfig(), o.module)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) (time.Duration, error) {
		begin := time.Now()
		m, err := e.instantiate(ctx)
		if err != nil {
			return 0, err
		}
		if _, err := ask(ctx, m, o.request); err != nil {
			return 0, err
		}
		err = m.Close(ctx)
		return time.Since(begin), err
	}, nil
}

// warm is one instance for all requests.
func warm(ctx context.Context, o order) (operation, error) {
	e, err := newEngine(ctx, wazero.NewRuntimeConfig(), o.module)
	if err != nil {
		return nil, err
	}
	m, err := e.instantiate(ctx)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) (time.Duration, error) {
		begin := time.Now()
		_, err := ask(ctx, m, o.request)
		return time.Since(begin), err
	}, nil
}

// compile compiles the guest as one that was never seen.
func compile(ctx context.Context, o order) (operation, error) {
	return func(ctx context.Context) (time.Duration, error) {
		module := neverSeen(o.module)
		begin := time.Now()
		r := wazero.NewRuntime(ctx)
		defer r.Close(ctx)
		_, err := r.CompileModule(ctx, module)
		return time.Since(begin), err
	}, nil
}

// neverSeen returns the module with a custom section that no other has.
func neverSeen(module []byte) []byte {
	section := []byte{0, 10, 1, 'n'}
	section = binary.LittleEndian.AppendUint64(section, rand.Uint64())
	return append(append([]byte(nil), module...), section...)
}

// load loads the guest from the cache of compiled code, each time into a new engine.
func load(ctx context.Context, o order) (operation, error) {
	once := func(ctx context.Context) (time.Duration, error) {
		begin := time.Now()
		cache, err := wazero.NewCompilationCacheWithDir(o.cache)
		if err != nil {
			return 0, err
		}
		defer cache.Close(ctx)
		r := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfig().WithCompilationCache(cache))
		defer r.Close(ctx)
		_, err = r.CompileModule(ctx, o.module)
		return time.Since(begin), err
	}
	_, err := once(ctx) // fills the cache
	return once, err
}
