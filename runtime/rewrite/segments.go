package rewrite

import "github.com/carrelhq/carrel/runtime/wasm"

// What an instance takes, in bytes: of the engine for an element of a table or of a
// passive segment, and for a segment however long; of the engine and the host for a
// global variable.
const (
	elementSize = 8
	segmentSize = 24
	globalSize  = 128
)

func (w *rewriter) elements() (e encoder) {
	for _, s := range w.m.Elements {
		w.out.InstanceBytes += segmentSize
		if s.Mode == wasm.Passive {
			w.out.InstanceBytes += elementSize * (len(s.Funcs) + len(s.Exprs))
		}
		flags := map[wasm.Mode]uint64{wasm.Active: 0, wasm.Passive: 1, wasm.Declarative: 3}[s.Mode]
		// An active segment of functions for table 0 has the old form, which
		// names neither table nor type.
		named := s.Mode != wasm.Active || s.Table != 0 || s.Type != wasm.Funcref
		if named && s.Mode == wasm.Active {
			flags |= 2
		}
		if s.Exprs != nil {
			flags |= 4
		}
		e.uint(flags)
		if s.Mode == wasm.Active {
			if named {
				e.index(s.Table)
			}
			w.constant(&e, s.Offset)
		}
		if named {
			if s.Exprs != nil {
				e.byte(s.Type)
			} else {
				e.byte(0)
			}
		}
		w.elementList(&e, s)
	}
	return e
}

func (w *rewriter) elementList(e *encoder, s wasm.Element) {
	if s.Exprs != nil {
		e.uint(uint64(len(s.Exprs)))
		for _, x := range s.Exprs {
			w.constant(e, x)
		}
		return
	}
	e.uint(uint64(len(s.Funcs)))
	for _, f := range s.Funcs {
		e.index(w.function(f))
	}
}

// data writes the segments that stay. One that was taken out is an empty passive
// one if code may name it: that is what an active one is after instantiation.
func (w *rewriter) data() (e encoder, count int) {
	for _, d := range w.m.Data {
		switch {
		case d.Mode == wasm.Passive:
			e.byte(1)
			e.vector(d.Bytes)
		case w.opts.KeepSegments:
			e.byte(0)
			w.constant(&e, d.Offset)
			e.vector(d.Bytes)
		case w.m.DataCount:
			e.byte(1, 0)
		default:
			continue
		}
		count++
	}
	w.out.InstanceBytes += segmentSize * count
	return e, count
}
