package programs

import (
	"slices"

	"github.com/carrelhq/carrel/runtime/wasm"
)

// body is a function whose instructions are being chosen. Each method leaves a
// valid beginning of a function: what is on the stack is what its name says.
type body struct {
	*program
	fixed
	index    int
	typ      wasm.FuncType
	callable []int // random functions that come later, so that calls end
	code     encoder
	locals   []wasm.ValueType // parameters first
	counters []int            // locals that count a loop's rounds
	labels   []label          // innermost last
	nodes    int              // how much there may still be
	rounds   int              // loops that are open, of those that count
	// calm code comes to an end, and traps or changes more than memory and globals
	// hardly ever.
	calm bool
}

// label is a block that is open: what a branch to it takes along.
type label struct {
	types string
	loop  bool
}

func (p *program) newBody(index int, f fixed, callable []int) *body {
	t := p.function(index).FuncType
	b := &body{
		program: p, fixed: f, index: index, typ: t, callable: callable,
		locals: []wasm.ValueType(t.Params), labels: []label{{types: t.Results}},
		nodes: pick(&p.choices, []int{4, 25, 80, 150}),
	}
	b.locals = append(b.locals, several(&p.choices, 2, 6, func() wasm.ValueType { return pick(&p.choices, valueTypes) })...)
	return b
}

// finish closes the function.
func (b *body) finish() {
	f := b.program.function(b.index)
	own := b.locals[len(b.typ.Params):]
	f.body.uint(len(own))
	for _, t := range own {
		f.body.byte(1, t)
	}
	b.code.op(wasm.OpEnd)
	f.body.byte(b.code...)
}

// block is a block, loop or if with these results; fill writes what is in it.
func (b *body) block(op wasm.Op, results string, fill func()) {
	b.code.op(op)
	switch len(results) {
	case 0:
		b.code.byte(0x40)
	case 1:
		b.code.byte(results[0])
	default:
		b.code.int(int64(b.typeOf(wasm.FuncType{Results: results})))
	}
	l := label{types: results}
	if op == wasm.OpLoop {
		l = label{loop: true} // a branch to it begins anew
	}
	b.labels = append(b.labels, l)
	fill()
	b.labels = b.labels[:len(b.labels)-1]
	b.code.op(wasm.OpEnd)
}

// local returns a local of a type, a new one if there is none.
func (b *body) local(t wasm.ValueType) int {
	var fit []int
	for i, have := range b.locals {
		if have == t && !slices.Contains(b.counters, i) {
			fit = append(fit, i)
		}
	}
	if len(fit) == 0 {
		return b.newLocal(t)
	}
	return pick(&b.choices, fit)
}

func (b *body) newLocal(t wasm.ValueType) int {
	b.locals = append(b.locals, t)
	return len(b.locals) - 1
}

// global returns a global of a type, mutable ones only if it is to be set; -1 if
// there is none.
func (b *body) global(t wasm.ValueType, set bool) int {
	var fit []int
	for i, g := range b.globals {
		if g.typ == t && (g.mutable || !set) {
			fit = append(fit, i)
		}
	}
	if len(fit) == 0 {
		return -1
	}
	return pick(&b.choices, fit)
}

// targets are the labels that a branch may go to which takes these types along, or
// any at all. To begin a loop anew is for those that need not end.
func (b *body) targets(fits func(types string) bool) (depths []int) {
	loops := !b.calm && b.once(8)
	for i, l := range b.labels {
		if (!l.loop || loops) && fits(l.types) {
			depths = append(depths, len(b.labels)-1-i)
		}
	}
	return depths
}

func (b *body) typesOf(depth int) string { return b.labels[len(b.labels)-1-depth].types }

func anything(string) bool { return true }

func only(types string) func(string) bool {
	return func(have string) bool { return have == types }
}
