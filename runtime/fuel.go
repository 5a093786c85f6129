package runtime

import (
	"context"
	"fmt"
	"time"

	"github.com/tetratelabs/wazero/api"
)

// quantum is the fuel that a guest gets at a time, for about a tenth of a
// millisecond: how long it goes on after its context has ended.
const quantum = 200_000

// errStack is what ends a guest that calls too deeply.
var errStack = fmt.Errorf("%w: call stack exhausted", ErrTrap)

// noTenant is whose time and memory it is that modules take without being asked for.
const noTenant = ""

// scheduled runs fn, which calls the guest, in a slot of the tenant's.
func (in *instance) scheduled(ctx context.Context, tenant string, fn func() error) error {
	begin := time.Now()
	turn, err := in.engine.schedule.Enter(ctx, tenant)
	if err != nil {
		return err
	}
	metrics := in.engine.metrics()
	metrics.QueueSeconds.Observe(time.Since(begin))
	in.turn = turn
	defer func() {
		in.turn = nil
		turn.Leave()
		metrics.Slices.Add(float64(1 + turn.Given()))
		metrics.Fuel.Add(float64(in.used()))
	}()
	return fn()
}

// used is the fuel that was spent since the instance was made or reset.
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
		in.turn.Pause()
		err := wait()
		if late := in.turn.Resume(ctx); err == nil {
			err = late
		}
		return err
	}
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

// refill is called by a guest that has no fuel or no stack left.
func refill(ctx context.Context, _ api.Module, _ []uint64) {
	in := instanceOf(ctx)
	if int64(in.stack.Get()) < 0 {
		endRun(errStack)
	}
	in.mayGoOn(ctx)
	if in.turn != nil {
		if err := in.turn.Check(ctx); err != nil {
			endRun(err)
		}
	}
	in.spent += quantum
	in.fuel.Set(uint64(int64(in.fuel.Get()) + quantum))
}
