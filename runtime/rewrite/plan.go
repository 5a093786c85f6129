package rewrite

import (
	"slices"

	"github.com/carrelhq/carrel/runtime/wasm"
)

// lightness tells whether callers pay for a function: a short one that calls
// nothing and has no loop is left as it is.
type lightness struct {
	light bool
	cost  int64
}

// classify finds the light functions.
func (w *rewriter) classify() {
	w.light = make([]lightness, len(w.m.Funcs))
	for i := range w.m.Code {
		w.light[w.m.ImportedFuncs+i] = weigh(&w.m.Code[i])
	}
}

// weigh adds up a body that may be light.
func weigh(b *wasm.Body) (l lightness) {
	if b.NumLocals > maxLightLocals || len(b.Code) > maxLightBytes {
		return l
	}
	for it := b.Instructions(); it.Next(); {
		if heavy[it.Op] {
			return lightness{}
		}
		if l.cost += costs[it.Op]; l.cost > lightCost {
			return lightness{}
		}
	}
	l.light = true
	return l
}

// A light function is not counted on the stack, so its frame must be small.
const (
	maxLightLocals = 64
	maxLightBytes  = 1024
)

// changes are the instructions that are edited; with loops, indirect calls and
// memory.grow they are heavy: a function that has one pays for itself. Those by
// length pay for the length that is on the stack.
var changes, heavy, byLength [0x10000]bool

func init() {
	for _, op := range []wasm.Op{
		wasm.OpCall, wasm.OpRefFunc, wasm.OpReturn, wasm.OpMemoryFill, wasm.OpMemoryCopy, wasm.OpMemoryInit,
		wasm.OpTableSet, wasm.OpTableFill, wasm.OpTableCopy, wasm.OpTableInit, wasm.OpTableGrow, wasm.OpElemDrop, wasm.OpDataDrop,
	} {
		changes[op], heavy[op] = true, op != wasm.OpReturn
	}
	for _, op := range []wasm.Op{wasm.OpTableFill, wasm.OpTableCopy, wasm.OpTableInit, wasm.OpTableGrow} {
		byLength[op] = true
	}
	for _, op := range []wasm.Op{wasm.OpLoop, wasm.OpCallIndirect, wasm.OpMemoryGrow} {
		heavy[op] = true
	}
}

// charge is fuel to be paid where the instruction at an offset begins.
type charge struct {
	at     int
	cost   int64
	check  bool // look whether fuel is left
	parent int  // the charge that pays for it if it is small
}

// edit is an instruction that does not stay as it is.
type edit struct {
	start, end int // its place in the code
	op         wasm.Op
	index      uint32 // its first immediate
	depth      uint32 // blocks that are open around it
}

// plan is where a function pays, and what of it changes.
type plan struct {
	charges []charge // by offset, the function's entry first
	edits   []edit   // by offset
	calls   bool     // it calls something, so that it counts on the stack
	results int64    // bytes that calls leave on the stack, beyond a value each
	params  int64    // bytes that the call with most takes from there
	scratch bool     // it needs a local for lengths
}

// planner walks through a body once. A region is what a charge pays for: it ends
// where control may join from elsewhere or leave.
type planner struct {
	w       *rewriter
	charges []charge
	cur     int // the charge that pays for what comes
	dead    bool
	blocks  []openBlock
	plan    plan
}

type openBlock struct {
	op     wasm.Op
	before int // the charge that paid when it began
	// out is the place among the open blocks of the outermost one that a branch
	// inside goes to, -1 for the function.
	out int
}

// plan walks through a body. The plan is good until the next one is made.
func (w *rewriter) plan(b *wasm.Body) plan {
	p := &w.planner
	p.w, p.cur, p.dead, p.blocks = w, 0, false, p.blocks[:0]
	p.charges = append(p.charges[:0], charge{cost: costCall, check: true})
	p.plan = plan{charges: p.plan.charges[:0], edits: p.plan.edits[:0]}
	for it := b.Instructions(); it.Next(); {
		if !p.dead {
			p.pay(it)
		}
		if changes[it.Op] { // even where nothing is paid as it is never reached
			p.plan.edits = append(p.plan.edits, edit{it.Start, it.End, it.Op, it.Index, uint32(len(p.blocks))})
			p.plan.scratch = p.plan.scratch || byLength[it.Op]
		}
		p.turn(it)
	}
	p.merge()
	return p.plan
}

// pay adds an instruction's cost to the region.
func (p *planner) pay(it *wasm.Instructions) {
	cost := costs[it.Op]
	switch it.Op {
	case wasm.OpCall:
		p.call(p.w.m.TypeOf(it.Index))
		switch callee := p.w.light[it.Index]; {
		case callee.light:
			cost += callee.cost
		case int(it.Index) < p.w.m.ImportedFuncs:
			cost += costHostCall
		}
	case wasm.OpCallIndirect:
		p.call(p.w.m.Types[it.Index])
		cost += costCallIndirect + lightCost
	}
	p.charges[p.cur].cost += cost
	if p.charges[p.cur].cost > checkCost && it.Op != wasm.OpEnd {
		p.begin(it.End, true)
	}
}

// call notes what a call needs of the stack.
func (p *planner) call(t wasm.FuncType) {
	p.plan.calls = true
	p.plan.results += max(sizeOf(t.Results)-valueSize, 0)
	p.plan.params = max(p.plan.params, sizeOf(t.Params))
}

// turn follows control flow.
func (p *planner) turn(it *wasm.Instructions) {
	switch it.Op {
	case wasm.OpBlock:
		p.open(it.Op)
	case wasm.OpLoop:
		p.open(it.Op)
		p.begin(it.End, true)
	case wasm.OpIf:
		p.open(it.Op)
		p.begin(it.End, false)
	case wasm.OpElse:
		p.cur, p.dead = p.blocks[len(p.blocks)-1].before, false
		p.begin(it.End, false)
	case wasm.OpEnd:
		p.close(it.End)
	case wasm.OpBrIf:
		p.branch(it.Index)
		p.begin(it.End, false)
	case wasm.OpBr:
		p.branch(it.Index)
		p.dead = true
	case wasm.OpBrTable:
		p.branch(slices.Max(it.Labels))
		p.dead = true
	case wasm.OpReturn:
		p.branch(uint32(len(p.blocks)))
		p.dead = true
	case wasm.OpUnreachable:
		p.dead = true
	}
}

func (p *planner) open(op wasm.Op) {
	p.blocks = append(p.blocks, openBlock{op, p.cur, len(p.blocks)})
}

// branch notes that control may go on at a label.
func (p *planner) branch(label uint32) {
	if n := len(p.blocks); n > 0 {
		p.blocks[n-1].out = min(p.blocks[n-1].out, n-1-int(label))
	}
}

// close ends a block. What follows was paid for with what came before the block,
// unless control may have left for further out, or gets here only by a branch.
func (p *planner) close(at int) {
	n := len(p.blocks) - 1
	if n < 0 {
		return
	}
	b := p.blocks[n]
	p.blocks = p.blocks[:n]
	if n > 0 {
		p.blocks[n-1].out = min(p.blocks[n-1].out, b.out)
	}
	p.cur = b.before
	fallsThrough := !p.dead
	if b.op != wasm.OpLoop {
		p.dead = false
	}
	if b.out < n || !fallsThrough {
		p.begin(at, false)
	}
}

// begin begins a region at an offset.
func (p *planner) begin(at int, check bool) {
	if p.dead {
		return
	}
	p.charges = append(p.charges, charge{at: at, check: check, parent: p.cur})
	p.cur = len(p.charges) - 1
}

// merge has small regions paid for by the region before them.
func (p *planner) merge() {
	for i := len(p.charges) - 1; i > 0; i-- {
		c := &p.charges[i]
		if !c.check && c.cost < smallCost {
			p.charges[c.parent].cost += c.cost
			c.cost = 0
		}
	}
	for _, c := range p.charges {
		if c.check || c.cost > 0 {
			p.plan.charges = append(p.plan.charges, c)
		}
	}
}
