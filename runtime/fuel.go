package runtime

import (
	"context"
	"fmt"

	"github.com/tetratelabs/wazero/api"
)

// quantum is the fuel that a guest gets at a time, for about a tenth of a
// millisecond: how long it goes on after its context has ended.
const quantum = 200_000

// errStack is what ends a guest that calls too deeply.
var errStack = fmt.Errorf("%w: call stack exhausted", ErrTrap)

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
	in.spent += quantum
	in.fuel.Set(uint64(int64(in.fuel.Get()) + quantum))
}
