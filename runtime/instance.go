package runtime

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	"github.com/carrelhq/carrel/abi"
	"github.com/carrelhq/carrel/host"
	"github.com/carrelhq/carrel/runtime/image"
	"github.com/carrelhq/carrel/runtime/schedule"
)

// instance is one instantiation of a module and what its host functions act on.
// Until it has a session, clock and random answer constants and no host
// function but log works.
type instance struct {
	engine *Engine
	of     *Module
	module api.Module
	memory *image.Memory
	share  *holding
	turn   *schedule.Turn // while it may be on the CPU
	looked time.Time      // when it last let others run
	// functions has the exports that were called: the engine makes a stack for each
	// that it is asked for.
	functions map[string]api.Function
	registers [2]uint64 // parameters and result of a call; a call within one may have them: it has read its parameters
	session   *host.Session
	kernel    *kernel // of an Extism plug-in, while it is called
	output    output
	entropy   *rand.ChaCha8 // before there is a session; nil until it is asked for
	slept     time.Duration // before there was a session
	began     time.Time     // what the session's clock showed first

	fuel    api.MutableGlobal // what is left until the next refill
	stack   api.MutableGlobal
	depth   int // of the stack that the guest was given, see deepen
	dirty   api.Global
	saved   []api.MutableGlobal // where rewrite.Save writes to
	spent   int64               // fuel of all refills since the count began
	portion int64               // fuel of the next refill

	calls      int  // that have not come back, one within another
	allocating bool // inside carrel_alloc, from where no host call may come
}

// firstMoment is what clocks show before a run.
var firstMoment = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

type instanceKey struct{}

func instanceOf(ctx context.Context) *instance { return ctx.Value(instanceKey{}).(*instance) }

// fresh makes an instance and initializes it, under ctx.
func (e *Engine) fresh(ctx context.Context, m *Module, h *holding) (*instance, error) {
	return e.make(ctx, m, h, func(ctx context.Context, in *instance) error {
		for _, s := range m.outline.code.Segments {
			if !in.module.Memory().Write(s.Offset, s.Bytes) {
				return fmt.Errorf("%w: its data does not fit into its memory", ErrTrap)
			}
		}
		return in.initialize(ctx)
	})
}

// clone makes an instance that begins as the snapshot.
func (e *Engine) clone(ctx context.Context, m *Module, h *holding, s *snapshot) (*instance, error) {
	return e.make(ctx, m, h, func(ctx context.Context, in *instance) error { return in.adopt(ctx, s) })
}

// make makes an instance whose memory is charged to h, and gives it its state.
func (e *Engine) make(ctx context.Context, m *Module, h *holding, fill func(context.Context, *instance) error) (*instance, error) {
	in := &instance{engine: e, of: m, share: h, depth: firstStack}
	in.detach(0)
	err := in.create(ctx)
	if err == nil {
		err = in.scheduled(ctx, h.tenant, func(ctx context.Context) error { return fill(ctx, in) })
	}
	if err == nil && h.refused.Load() {
		err = errNoMemory // and the guest may have seen it
	}
	if err != nil {
		in.close()
		return nil, err
	}
	return in, nil
}

// create instantiates the module in a memory of its own.
func (in *instance) create(ctx context.Context) (err error) {
	defer in.engine.recovered(&err)
	if !in.share.Reserve(in.of.outline.code.InstanceBytes) { // for as long as it lives
		return errNoMemory
	}
	if in.memory, err = image.NewMemory(int(in.engine.opts.MemoryBytes), in.share); err != nil {
		return err
	}
	ctx = experimental.WithMemoryAllocator(ctx, experimental.MemoryAllocatorFunc(func(uint64, uint64) experimental.LinearMemory { return linear{in} }))
	if in.memory.Reallocate(in.of.outline.memory.Min*pageSize) == nil { // if the engine were the first to ask, it would panic
		return errNoMemory
	}
	config := wazero.NewModuleConfig().WithName("").WithStartFunctions()
	made, err := in.engine.runtime.InstantiateModule(ctx, in.of.compiled, config)
	if err != nil {
		return in.explain(ctx, err)
	}
	in.module = made
	in.findGlobals(made)
	return nil
}

// detach makes an instance nobody's: as it is before it has a session. slept is
// what its clocks have gained by then.
func (in *instance) detach(slept time.Duration) {
	in.session, in.slept, in.spent, in.allocating = nil, slept, 0, false
	in.began = time.Time{}
	in.entropy = nil
	in.output = output{}
	in.output.begin(func(string, string) {}) // there is no log to write to yet
}

func (in *instance) close() {
	defer in.share.end()
	if in.memory != nil {
		defer in.memory.Free()
	}
	if in.module == nil {
		return
	}
	if err := in.module.Close(context.Background()); err != nil {
		in.engine.opts.Logger.Warn("sandbox was not closed", "error", err)
	}
}

// call calls an exported function if there is one. ctx is that of scheduled.
func (in *instance) call(ctx context.Context, name string, params ...uint64) error {
	_, err := in.ask(ctx, name, params...)
	return err
}

// ask is call for a function with a result, which is 0 when there is none.
func (in *instance) ask(ctx context.Context, name string, params ...uint64) (result uint64, err error) {
	fn := in.function(name)
	if fn == nil {
		return 0, nil
	}
	defer in.engine.recovered(&err)
	in.registers = [2]uint64{}
	copy(in.registers[:], params)
	in.calls++
	err = fn.CallWithStack(ctx, in.registers[:])
	if in.calls--; in.calls == 0 {
		in.surface()
	}
	if err != nil {
		return 0, in.explain(ctx, err)
	}
	return in.registers[0], nil
}

// function returns an exported function, nil when there is none.
func (in *instance) function(name string) api.Function {
	fn, ok := in.functions[name]
	if !ok {
		if fn = in.module.ExportedFunction(name); in.functions == nil {
			in.functions = make(map[string]api.Function)
		}
		in.functions[name] = fn
	}
	return fn
}

// give puts data into memory that the guest allocates for it.
func (in *instance) give(ctx context.Context, data []byte) (ptr uint32, err error) {
	if len(data) == 0 {
		return 0, nil
	}
	in.allocating = true
	defer func() { in.allocating = false }()
	at, err := in.ask(ctx, abi.ExportAlloc, uint64(len(data)))
	if err != nil {
		return 0, err
	}
	ptr = uint32(at)
	if ptr == 0 {
		return 0, fmt.Errorf("%w: %s has no room for %d bytes", host.ErrGuest, abi.ExportAlloc, len(data))
	}
	if !in.module.Memory().Write(ptr, data) { // the memory as it is after the call, which may have moved it
		return 0, fmt.Errorf("%w: %s answered %d for %d bytes, which is outside its memory", host.ErrGuest, abi.ExportAlloc, ptr, len(data))
	}
	return ptr, nil
}

// take copies a packed result out of guest memory.
func (in *instance) take(name string, packed uint64, most uint32) ([]byte, error) {
	ptr, length := abi.Unpack(packed)
	if length == 0 {
		return nil, fmt.Errorf("%w: %s answered nothing", ErrTrap, name)
	}
	if length > most {
		return nil, fmt.Errorf("%w: %s answered %d bytes; %d are the most", host.ErrGuest, name, length, most)
	}
	view, ok := in.module.Memory().Read(ptr, length)
	if !ok {
		return nil, fmt.Errorf("%w: %s answered with %d bytes at %d, which is outside its memory", host.ErrGuest, name, length, ptr)
	}
	return bytes.Clone(view), nil
}

// attach gives the instance to a run: what it prints and calls is the run's from now on.
func (in *instance) attach(session *host.Session) {
	in.session = session
	in.began = session.Now()
	in.fuelUp()
	in.output.begin(session.Line)
}

// now is the time of day.
func (in *instance) now() time.Duration {
	if in.session != nil {
		return time.Duration(in.session.Now().UnixNano())
	}
	return time.Duration(firstMoment.UnixNano()) + in.slept
}

// monotonic is the time since a second before the instance was made. It goes on
// without a jump when the instance gets its session.
func (in *instance) monotonic() time.Duration {
	elapsed := time.Second + in.slept
	if in.session != nil {
		elapsed += in.session.Now().Sub(in.began)
	}
	return elapsed
}

func (in *instance) sleep(d time.Duration) {
	const longest = time.Hour
	if in.session != nil {
		in.session.Sleep(d)
		return
	}
	in.slept = min(in.slept+min(d, longest), longest)
}

func (in *instance) random(b []byte) {
	if in.session != nil {
		in.session.Random(b)
		return
	}
	if in.entropy == nil {
		in.entropy = rand.NewChaCha8([32]byte{})
	}
	_, _ = in.entropy.Read(b) // never fails
}
