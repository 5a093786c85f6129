package runtime

import (
	"context"
	goruntime "runtime"
	"time"

	"github.com/carrelhq/carrel/runtime/schedule"
)

// quantum is the fuel that a guest gets at a time, for about a tenth of a
// millisecond: how long it goes on after its context has ended. One that takes much
// longer for it, because it misses every cache, gets less, down to leastQuantum.
const (
	quantum      = 200_000
	leastQuantum = quantum / 32
)

// noTenant is whose time and memory it is that modules take without being asked for.
const noTenant = ""

// turn waits for a slot of the tenant's.
func (e *Engine) turn(ctx context.Context, tenant string) (*schedule.Turn, error) {
	turn, err := e.schedule.Enter(ctx, tenant)
	if err == nil {
		e.metrics().QueueSeconds.Observe(turn.Waited())
	}
	return turn, err
}

// scheduled is onTurn in a slot of the tenant's.
func (in *instance) scheduled(ctx context.Context, tenant string, fn func(context.Context) error) error {
	turn, err := in.engine.turn(ctx, tenant)
	if err != nil {
		return err
	}
	return in.onTurn(ctx, turn, fn)
}

// onTurn runs fn, which calls the guest under the context it is given, and leaves
// the slot.
func (in *instance) onTurn(ctx context.Context, turn *schedule.Turn, fn func(context.Context) error) error {
	metrics := in.engine.metrics()
	in.turn, in.looked = turn, time.Now()
	in.hold()
	defer func() {
		in.letGo()
		in.turn = nil
		turn.Leave()
		metrics.Slices.Add(float64(1 + turn.Given()))
		metrics.Fuel.Add(float64(in.used()))
	}()
	return fn(context.WithValue(ctx, instanceKey{}, in))
}

// fuelUp begins the count of a run, with as much as it gets at a time.
func (in *instance) fuelUp() {
	in.portion = quantum
	in.spent = quantum
	in.fuel.Set(quantum)
}

// used is the fuel that was spent since the instance was made or given to a run.
func (in *instance) used() int64 {
	if in.fuel == nil {
		return 0
	}
	return in.spent - int64(in.fuel.Get())
}

// aside leaves the CPU to others during a wait.
func (in *instance) aside(ctx context.Context) func(wait func() error) error {
	return func(wait func() error) error {
		if in.turn == nil {
			return wait()
		}
		in.letGo()
		defer in.hold()
		in.turn.Pause()
		err := wait()
		if late := in.turn.Resume(ctx); err == nil {
			err = late
		}
		return err
	}
}

// hold keeps the guest on its thread, and letGo does not: while it is on the CPU
// its memory is watched, and a guest that waits has no thread to itself.
func (in *instance) hold() {
	goruntime.LockOSThread()
	in.memory.Watch()
}

func (in *instance) letGo() {
	in.memory.Unwatch()
	goruntime.UnlockOSThread()
}

// lookEvery is about how often a guest looks up. Of host calls that follow each other
// one does so, too: they cost the same fuel however long they take.
const lookEvery = 100 * time.Microsecond

// enter begins a host call: it ends a run that must not go on, and looks up when
// that is due.
func (in *instance) enter(ctx context.Context) {
	in.mayGoOn(ctx)
	if in.turn != nil && time.Since(in.looked) >= lookEvery {
		in.lookUp(ctx)
	}
}

// lookUp lets others run that wait for the CPU, and ends a run whose time is over
// when it has waited.
func (in *instance) lookUp(ctx context.Context) {
	if err := in.check(ctx); err != nil {
		endRun(err)
	}
	in.looked = time.Now()
}

// check is a turn's, which may have to wait.
func (in *instance) check(ctx context.Context) error {
	if !in.turn.Due() {
		return in.turn.Check(ctx)
	}
	in.letGo()
	defer in.hold()
	return in.turn.Check(ctx)
}

// mayGoOn ends a run whose time is over, or that was refused memory which others
// have: a guest must not see how full the server is.
func (in *instance) mayGoOn(ctx context.Context) {
	if ctx.Err() != nil {
		endRun(context.Cause(ctx))
	}
	if in.share.refused.Load() {
		endRun(errNoMemory)
	}
}

// pay takes fuel for bytes that the host copies or reads on behalf of a guest.
func (in *instance) pay(bytes int) {
	const bytesPerUnit = 4
	in.fuel.Set(uint64(int64(in.fuel.Get()) - int64(bytes/bytesPerUnit)))
}

// payInSteps is pay for who does many bytes in one call, some at a time.
func (in *instance) payInSteps(ctx context.Context, bytes int) {
	if in.pay(bytes); int64(in.fuel.Get()) < 0 {
		in.refuel(ctx)
	}
}

// refuel gives a guest more fuel, if and when it may go on.
func (in *instance) refuel(ctx context.Context) {
	in.mayGoOn(ctx)
	if in.turn != nil {
		in.apportion(time.Since(in.looked))
		in.lookUp(ctx)
	}
	more := min(in.portion, quantum-in.spent%quantum) // so that every run looks up at each whole quantum
	in.spent += more
	in.fuel.Set(uint64(int64(in.fuel.Get()) + more))
}

// apportion adapts what the guest gets next to how long it took for the last.
func (in *instance) apportion(took time.Duration) {
	switch {
	case took > 2*lookEvery:
		in.portion = max(in.portion/4, leastQuantum)
	case took < lookEvery:
		in.portion = min(in.portion*2, quantum)
	}
}
