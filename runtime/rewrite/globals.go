package rewrite

import "github.com/carrelhq/carrel/runtime/wasm"

// unsaved says why the state of an instance cannot be saved.
func (w *rewriter) unsaved() string {
	for i, g := range w.m.Globals {
		switch {
		case !g.Mutable:
		case i < w.m.ImportedGlobals:
			return "it imports a mutable global"
		case g.Type == wasm.Funcref || g.Type == wasm.Externref:
			return "it has a mutable global that is a reference"
		}
	}
	return ""
}

// addSaveAndRestore adds the functions that copy mutable globals to twins of
// type i64 and back. A vector has two twins: the engine's own way to set one
// loses half of it.
func (w *rewriter) addSaveAndRestore() {
	var save, restore encoder
	save.uint(0)
	restore.uint(0)
	for i, g := range w.m.Globals {
		if !g.Mutable || i < w.m.ImportedGlobals {
			continue
		}
		w.copyGlobal(&save, &restore, uint32(i), g.Type)
	}
	restore.i64(w.opts.StackBytes)
	restore.with(wasm.OpGlobalSet, w.stack())
	save.op(wasm.OpEnd)
	restore.op(wasm.OpEnd)
	w.addHelper(Save, w.plainType(), save)
	w.addHelper(Restore, w.plainType(), restore)
}

func (w *rewriter) copyGlobal(save, restore *encoder, index uint32, t wasm.ValueType) {
	if t == wasm.Funcref || t == wasm.Externref {
		return // see unsaved
	}
	twin := w.saved(w.out.Saved)
	w.out.Saved++
	save.with(wasm.OpGlobalGet, index)
	if t == wasm.V128 {
		w.out.Saved++
		save.op(wasm.OpI64x2Extract)
		save.byte(0)
		save.with(wasm.OpGlobalSet, twin)
		save.with(wasm.OpGlobalGet, index)
		save.op(wasm.OpI64x2Extract)
		save.byte(1)
		save.with(wasm.OpGlobalSet, twin+1)
		restore.with(wasm.OpGlobalGet, twin)
		restore.op(wasm.OpI64x2Splat)
		restore.with(wasm.OpGlobalGet, twin+1)
		restore.op(wasm.OpI64x2Replace)
		restore.byte(1)
		restore.with(wasm.OpGlobalSet, index)
		return
	}
	save.op(toBits[t]...)
	save.with(wasm.OpGlobalSet, twin)
	restore.with(wasm.OpGlobalGet, twin)
	restore.op(fromBits[t]...)
	restore.with(wasm.OpGlobalSet, index)
}

// toBits and fromBits turn a number into an i64 of the same bits and back.
var (
	toBits = map[wasm.ValueType][]wasm.Op{
		wasm.I32: {wasm.OpI64ExtendU}, wasm.I64: nil,
		wasm.F32: {wasm.OpI32FromF32, wasm.OpI64ExtendU}, wasm.F64: {wasm.OpI64FromF64},
	}
	fromBits = map[wasm.ValueType][]wasm.Op{
		wasm.I32: {wasm.OpI32WrapI64}, wasm.I64: nil,
		wasm.F32: {wasm.OpI32WrapI64, wasm.OpF32FromI32}, wasm.F64: {wasm.OpF64FromI64},
	}
)
