package runtime

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/carrelhq/carrel/abi"
	"github.com/carrelhq/carrel/host"
)

// instance is one instantiation of a module and what its host functions act on.
// Until it has a session, clock and random answer constants and no host
// function but log works.
type instance struct {
	module     api.Module
	session    *host.Session
	output     output
	entropy    *rand.ChaCha8
	slept      time.Duration
	allocating bool // inside carrel_alloc, from where no host call may come
}

// firstMoment is what clocks show before a run.
var firstMoment = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// guestFault is panicked by host functions when the guest broke a rule.
type guestFault struct{ problem string }

// Error returns the problem as a phrase about the guest.
func (f *guestFault) Error() string { return f.problem }

// hostFailure is panicked by host functions when carrel failed.
type hostFailure struct{ error }

// Unwrap returns the cause.
func (f *hostFailure) Unwrap() error { return f.error }

type instanceKey struct{}

func instanceOf(ctx context.Context) *instance { return ctx.Value(instanceKey{}).(*instance) }

// instantiate makes an instance and initializes it, under ctx.
func (e *Engine) instantiate(ctx context.Context, compiled wazero.CompiledModule) (in *instance, err error) {
	in = &instance{entropy: rand.NewChaCha8([32]byte{})}
	in.output.line = in.earlyLine
	ctx = context.WithValue(ctx, instanceKey{}, in)
	in.module, err = e.runtime.InstantiateModule(ctx, compiled, wazero.NewModuleConfig().WithName("").WithStartFunctions())
	if err != nil {
		return nil, explain(ctx, err)
	}
	if err := in.call(ctx, abi.ExportInitialize, nil); err != nil {
		return nil, errors.Join(err, in.module.Close(ctx))
	}
	return in, nil
}

// call calls an exported function if there is one. results may be nil.
func (in *instance) call(ctx context.Context, name string, result *uint64, params ...uint64) (err error) {
	fn := in.module.ExportedFunction(name)
	if fn == nil {
		return nil
	}
	// The engine turns panics of host functions into errors; what escapes it is
	// a fault of the engine and must not take the process with it.
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("runtime: the engine panicked in %s: %v", name, p)
		}
	}()
	out, err := fn.Call(context.WithValue(ctx, instanceKey{}, in), params...)
	if err != nil {
		return explain(ctx, err)
	}
	if result != nil {
		*result = out[0]
	}
	return nil
}

// give puts data into memory that the guest allocates for it.
func (in *instance) give(ctx context.Context, data []byte) (ptr uint32, err error) {
	if len(data) == 0 {
		return 0, nil
	}
	in.allocating = true
	defer func() { in.allocating = false }()
	var at uint64
	if err := in.call(ctx, abi.ExportAlloc, &at, uint64(len(data))); err != nil {
		return 0, err
	}
	ptr = uint32(at)
	if ptr == 0 {
		return 0, fmt.Errorf("%w: %s has no room for %d bytes", host.ErrGuest, abi.ExportAlloc, len(data))
	}
	if !in.module.Memory().Write(ptr, data) {
		return 0, fmt.Errorf("%w: %s answered %d for %d bytes, which is outside its memory", host.ErrGuest, abi.ExportAlloc, ptr, len(data))
	}
	return ptr, nil
}

// take copies a packed result out of guest memory.
func (in *instance) take(packed uint64, max uint32) ([]byte, error) {
	ptr, length := abi.Unpack(packed)
	if length > max {
		return nil, fmt.Errorf("%w: its reply has %d bytes; %d are the most", host.ErrGuest, length, max)
	}
	view, ok := in.module.Memory().Read(ptr, length)
	if !ok {
		return nil, fmt.Errorf("%w: its reply of %d bytes at %d is outside its memory", host.ErrGuest, length, ptr)
	}
	return bytes.Clone(view), nil
}

func (in *instance) now() time.Time {
	if in.session != nil {
		return in.session.Now()
	}
	return firstMoment.Add(in.slept)
}

func (in *instance) sleep(d time.Duration) {
	if in.session != nil {
		in.session.Sleep(d)
		return
	}
	in.slept += min(d, time.Hour)
}

func (in *instance) random(b []byte) {
	if in.session != nil {
		in.session.Random(b)
		return
	}
	_, _ = in.entropy.Read(b) // never fails
}

// attach gives the instance to a run: what it prints and calls is the run's from now on.
func (in *instance) attach(session *host.Session) {
	in.output.flush()
	in.session = session
	in.output.line = session.Line
}

func (in *instance) earlyLine(string, string) {}
