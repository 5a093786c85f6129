package rewrite

import "github.com/carrelhq/carrel/runtime/wasm"

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
	calls   bool     // it calls something
	results int64    // bytes that calls leave on the stack, beyond a value each
	params  int64    // bytes that the call with most takes from there
	scratch bool     // it needs a local for lengths
}

// planner walks through a body once. A region is what a charge pays for: it ends
// where control may join from elsewhere or leave.
type planner struct {
	w       *rewriter
	charges []charge
	cur     int   // the charge that pays for what comes
	line    int64 // what control has cost at most, on its way here, since it looked
	dead    bool
	blocks  []openBlock
	plan    plan
}

type openBlock struct {
	op     wasm.Op
	before int   // the charge that paid when it began
	line   int64 // what line was then
	end    int64 // what line is at the end at most, when control gets there by a branch
	// out is the place among the open blocks of the outermost one that a branch
	// inside goes to, -1 for the function.
	out int
}

// plan walks through a body. The plan is good until the next one is made.
func (w *rewriter) plan(b *wasm.Body) plan {
	p := &w.planner
	p.w, p.cur, p.line, p.dead, p.blocks = w, 0, costCall, false, p.blocks[:0]
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
	p.line += cost
	if max(p.line, p.charges[p.cur].cost) > checkCost && !turns[it.Op] {
		p.begin(it.End, true)
	}
}

// turns are the instructions of control flow: a region that began right behind one
// would not be where all that it is to pay for goes by.
var turns = [0x10000]bool{
	wasm.OpUnreachable: true, wasm.OpBlock: true, wasm.OpLoop: true, wasm.OpIf: true, wasm.OpElse: true, wasm.OpEnd: true,
	wasm.OpBr: true, wasm.OpBrIf: true, wasm.OpBrTable: true, wasm.OpReturn: true,
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
		p.turnToElse()
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
		for _, label := range it.Labels {
			p.branch(label)
		}
		p.dead = true
	case wasm.OpReturn:
		p.branch(uint32(len(p.blocks)))
		p.dead = true
	case wasm.OpUnreachable:
		p.dead = true
	}
}

func (p *planner) open(op wasm.Op) {
	p.blocks = append(p.blocks, openBlock{op: op, before: p.cur, line: p.line, out: len(p.blocks)})
}

// turnToElse goes from one arm of an if to the other.
func (p *planner) turnToElse() {
	b := &p.blocks[len(p.blocks)-1]
	if !p.dead {
		b.end = max(b.end, p.line)
	}
	b.op = wasm.OpElse
	p.cur, p.line, p.dead = b.before, b.line, false
}

// branch notes that control may go on at a label. At a loop it looks at the fuel.
func (p *planner) branch(label uint32) {
	n, to := len(p.blocks), len(p.blocks)-1-int(label)
	if n == 0 {
		return
	}
	p.blocks[n-1].out = min(p.blocks[n-1].out, to)
	if to >= 0 && p.blocks[to].op != wasm.OpLoop {
		p.blocks[to].end = max(p.blocks[to].end, p.line)
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
	p.line = p.lineBehind(b)
	if b.op != wasm.OpLoop {
		p.dead = false
	}
	if b.out < n || !fallsThrough {
		p.begin(at, false)
	}
}

// lineBehind is what line is behind a block, by the dearest way to its end.
func (p *planner) lineBehind(b openBlock) int64 {
	line := b.end
	if !p.dead {
		line = max(line, p.line)
	}
	if b.op == wasm.OpIf { // which has no else
		line = max(line, b.line)
	}
	return line
}

// begin begins a region at an offset.
func (p *planner) begin(at int, check bool) {
	if p.dead {
		return
	}
	if check {
		p.line = 0
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
