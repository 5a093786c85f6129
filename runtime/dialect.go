package runtime

import (
	"context"

	"github.com/carrelhq/carrel/abi"
	"github.com/carrelhq/carrel/runtime/wasm"
)

// dialect is how the modules of one kind talk with their host: what they import
// and export, and how requests and replies pass. It is never changed; what belongs
// to a run is the instance's.
type dialect interface {
	// hostModule is the import module of carrel's functions.
	hostModule() string
	// provided returns the type of a function that may be imported.
	provided(module, name string) (signature, bool)
	// importAdvice says what to do about imports that are not provided.
	importAdvice() string
	// checkExports holds a module to what must be exported, and how.
	checkExports(m *wasm.Module) error
	// initialize brings an instance to where every run begins. Its data is in place
	// and its start function has run.
	initialize(ctx context.Context, in *instance) error
	// describe asks what the agent is. The reply is a frame with an
	// abi.Description, or nil when the module does not say.
	describe(ctx context.Context, in *instance) ([]byte, error)
	// run passes a request on and returns a copy of the reply, maxReply bytes at
	// most. The instance has its session.
	run(ctx context.Context, in *instance, request []byte) ([]byte, error)
}

// dialectOf tells which kind a module is.
func dialectOf(m *wasm.Module, meta map[string]any) (dialect, error) {
	for _, i := range m.Imports {
		if i.Module == extismEnv || i.Module == extismUser {
			return pluginOf(meta)
		}
	}
	return native{}, nil
}

// native is the dialect of abi/ABI.md.
type native struct{}

func (native) hostModule() string { return abi.Module }

func (native) importAdvice() string {
	return "import only functions of the modules " + abi.Module + " and " + wasiModule + "; abi/ABI.md lists them"
}

func (native) provided(module, name string) (signature, bool) {
	if module == abi.Module {
		_, ok := abi.Lookup(name)
		return hostType, ok
	}
	return providedWasi(module, name)
}

func (native) checkExports(m *wasm.Module) error { return checkExports(m) }

func (native) initialize(ctx context.Context, in *instance) error {
	if err := in.call(ctx, abi.ExportInitialize); err != nil {
		return err
	}
	if err := in.load(ctx); err != nil {
		return err
	}
	return in.call(ctx, abi.ExportWarm)
}

func (native) describe(ctx context.Context, in *instance) ([]byte, error) {
	if _, ok := in.of.outline.exports[abi.ExportDescribe]; !ok {
		return nil, nil
	}
	packed, err := in.ask(ctx, abi.ExportDescribe)
	if err != nil {
		return nil, err
	}
	return in.take(abi.ExportDescribe, packed, maxDescription)
}

func (native) run(ctx context.Context, in *instance, request []byte) ([]byte, error) {
	if err := in.reseed(ctx); err != nil {
		return nil, err
	}
	ptr, err := in.give(ctx, request)
	if err != nil {
		return nil, err
	}
	packed, err := in.ask(ctx, abi.ExportRun, uint64(ptr), uint64(len(request)))
	if err != nil {
		return nil, err
	}
	return in.take(abi.ExportRun, packed, maxReply)
}
