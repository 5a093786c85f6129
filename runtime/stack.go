package runtime

import (
	"context"
	"fmt"

	"github.com/tetratelabs/wazero/api"
)

// Bounds of a guest's call stack, in bytes as package rewrite counts them. Most runs
// need less than what they begin with.
const (
	firstStack = 64 << 10
	maxStack   = 1 << 20
)

// stackFactor is what the engine may take for a byte of call stack. It doubles a
// stack that is too small, and has one for each exported function that was called: of
// these two are deep at most, that of the call from outside and that of carrel_alloc.
const stackFactor = 4

// errStack is what ends a guest that calls too deeply.
var errStack = fmt.Errorf("%w: call stack exhausted", ErrTrap)

// refill is called by a guest that has no fuel or no stack left.
func refill(ctx context.Context, _ api.Module, _ []uint64) {
	in := instanceOf(ctx)
	in.deepen()
	if int64(in.fuel.Get()) < 0 {
		in.refuel(ctx)
	}
}

// deepen gives a guest more stack, if it needs that and there is memory for it.
func (in *instance) deepen() {
	for int64(in.stack.Get()) < 0 {
		more := min(in.depth, maxStack-in.depth)
		if more == 0 {
			endRun(errStack)
		}
		if !in.share.Reserve(stackFactor * more) {
			endRun(errNoMemory)
		}
		in.depth += more
		in.stack.Set(uint64(int64(in.stack.Get()) + int64(more)))
	}
}

// surface takes back what deepen gave, when nothing is called any more. The engine
// does not make a stack smaller: those that may be deep go with their functions.
func (in *instance) surface() {
	if in.depth == firstStack {
		return
	}
	clear(in.functions)
	in.share.Release(stackFactor * (in.depth - firstStack))
	in.depth = firstStack
	in.stack.Set(firstStack)
}
