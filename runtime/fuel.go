package runtime

import (
	"context"
	goruntime "runtime"
	"time"
)

// quantum is the fuel that a guest gets at a time, for about a tenth of a
// millisecond: how long it goes on after its context has ended.
const quantum = 200_000

// noTenant is whose time and memory it is that modules take without being asked for.
const noTenant = ""

// scheduled runs fn, which calls the guest under the context it is given, in a
// slot of the tenant's.
func (in *instance) scheduled(ctx context.Context, tenant string, fn func(context.Context) error) error {
	begin := time.Now()
	turn, err := in.engine.schedule.Enter(ctx, tenant)
	if err != nil {
		return err
	}
	metrics := in.engine.metrics()
	metrics.QueueSeconds.Observe(time.Since(begin))
	in.turn = turn
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

// giveWay has a guest that calls the host give its slot to others once its slice is
// over. By fuel alone it would keep it for hundreds of calls, and what the host does
// in one may take longer than a slice.
func (in *instance) giveWay(ctx context.Context) {
	if in.turn == nil || !in.turn.Due() {
		return
	}
	if err := in.check(ctx); err != nil {
		endRun(err)
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
		if err := in.check(ctx); err != nil {
			endRun(err)
		}
	}
	in.spent += quantum
	in.fuel.Set(uint64(int64(in.fuel.Get()) + quantum))
}
