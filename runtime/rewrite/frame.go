package rewrite

import (
	"strings"

	"github.com/carrelhq/carrel/runtime/wasm"
)

// maxLeaf is the largest frame that is not counted, of a function that calls nothing.
const maxLeaf = 4 << 10

const vectorType = "\x7b" // wasm.V128

// Sizes on the engine's stack, in bytes.
const (
	valueSize  = 8
	vectorSize = 16
	linkSize   = 64 // of what a call saves
)

// sizeOf is what values of these types take.
func sizeOf(types string) int64 {
	return int64(valueSize*len(types) + (vectorSize-valueSize)*strings.Count(types, vectorType))
}

// frameSize estimates the bytes that the engine's stack takes for a call: what
// it may keep there are locals and intermediate values. Of those there are few for
// each instruction, but calls may leave and take a thousand at once.
func (w *rewriter) frameSize(b *wasm.Body, p plan) int64 {
	size := linkSize + sizeOf(w.m.Types[b.Type].Params) + int64(b.Count) + p.results + p.params
	for _, l := range b.Locals {
		size += int64(l.Count) * sizeOf(string([]byte{l.Type}))
	}
	return size &^ 15
}

// enter pays for the function's beginning and takes its frame from the stack.
func (f *body) enter(cost int64) {
	w, e := f.w, &f.out
	if f.frame == 0 {
		w.pay(e, f.spent, cost, true)
		return
	}
	w.spend(e, f.spent, cost)
	e.with(wasm.OpLocalGet, f.spent)
	e.with(wasm.OpGlobalGet, w.stack())
	e.i64(f.frame)
	e.op(wasm.OpI64Sub)
	e.with(wasm.OpLocalTee, f.spent)
	e.with(wasm.OpGlobalSet, w.stack())
	e.with(wasm.OpLocalGet, f.spent)
	e.op(wasm.OpI64Or)
	w.askIfBelowZero(e)
	e.op(wasm.OpBlock)
	w.resultBlock(e, w.m.Types[f.b.Type].Results)
}

// leave gives the frame back.
func (f *body) leave() {
	if f.frame == 0 {
		return
	}
	w, e := f.w, &f.out
	e.with(wasm.OpGlobalGet, w.stack())
	e.i64(f.frame)
	e.op(wasm.OpI64Add)
	e.with(wasm.OpGlobalSet, w.stack())
	e.op(wasm.OpEnd)
}
