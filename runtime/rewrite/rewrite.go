// Package rewrite makes modules that account for themselves: a rewritten module
// pays fuel for what it does and asks the host for more when it runs out, counts
// the bytes of its call stack, says when it changed what a reset of its memory
// does not undo, and can save and restore its global variables.
//
// The result does what the original does until it runs out of something. It is
// the same for the same module and options, byte for byte.
package rewrite

import (
	"github.com/carrelhq/carrel/runtime/wasm"
)

// Names of what a rewritten module imports and exports beyond the original's. A
// guest may not export names that begin with Prefix.
const (
	Prefix = "carrel:"

	// HostModule and Refill name the one import: a function without parameters
	// and results that is called when Fuel or Stack is below zero.
	HostModule = "carrel:host"
	Refill     = "refill"

	// Fuel is a global i64: what is left to spend until the next Refill.
	Fuel = "carrel:fuel"
	// Stack is a global i64: the bytes of call stack that are left.
	Stack = "carrel:stack"
	// Dirty is a global i32, 1 once the module changed a table or dropped a
	// segment: then restoring memory and globals does not make it clean.
	Dirty = "carrel:dirty"
	// Save copies the module's mutable globals to the exported i64 globals
	// SavedPrefix+"0", "1", …; Restore copies them back and refills Stack.
	Save        = "carrel:save"
	Restore     = "carrel:restore"
	SavedPrefix = "carrel:saved"
	// Start is the start function, which no longer runs by itself.
	Start = "carrel:start"
)

// Options are what a module is rewritten for. The zero value works.
type Options struct {
	// StackBytes is the call stack that a guest may use, by the estimate of this
	// package; 0 is 1 MiB.
	StackBytes int64
	// KeepSegments leaves active data segments in the module. Otherwise they are
	// taken out, for the host to write them: a snapshot holds them already.
	KeepSegments bool
}

// Result is a rewritten module.
type Result struct {
	// Module is the module in the binary format.
	Module []byte
	// HasStart tells that Start is exported and must be called before anything else.
	HasStart bool
	// Segments are the active data segments that were taken out, in the order in
	// which they are to be written. They are parts of the original module.
	Segments []Segment
	// InstanceBytes is about the most that an instance takes beside its memory and its
	// call stack: for tables, segments and global variables.
	InstanceBytes int
	// Saved is the number of exported globals that Save writes.
	Saved int
	// Unsaved says why the module's state cannot be saved and restored; empty when it can.
	Unsaved string
}

// Segment is data for the memory of a new instance.
type Segment struct {
	Offset uint32
	Bytes  []byte
}

// rewriter is one module on its way.
type rewriter struct {
	m    *wasm.Module
	opts Options
	out  Result

	types      encoder // added to the type section
	addedTypes int
	blockTypes map[string]uint32 // type ()->results by results
	light      []lightness       // of every function

	planner planner
	body    encoder // of the function that is being written
	code    encoder // bodies, rewritten and added
	helpers []helper
	grown   map[uint32]bool   // tables that some code may grow
	byInit  map[uint32]uint32 // helper function for memory.init by data segment
	fill    uint32            // helper functions, 0 when there is none
	copy    uint32
}

// Rewrite rewrites a module that [wasm.Parse] has accepted.
func Rewrite(m *wasm.Module, opts Options) (*Result, error) {
	if opts.StackBytes == 0 {
		opts.StackBytes = 1 << 20
	}
	w := &rewriter{m: m, opts: opts, blockTypes: map[string]uint32{}, byInit: map[uint32]uint32{}, grown: map[uint32]bool{}}
	w.out.Unsaved = w.unsaved()
	if err := w.takeSegments(); err != nil {
		return nil, err
	}
	w.addType("", "")
	w.addType("\x7f\x7f\x7f", "")
	w.classify()
	size := 0
	for i := range m.Code {
		size += len(m.Code[i].Code)
	}
	w.code = make(encoder, 0, 2*size) // most of what it takes, so that it grows seldom
	for i := range m.Code {
		w.rewriteBody(uint32(m.ImportedFuncs+i), &m.Code[i])
	}
	w.addSaveAndRestore()
	w.assemble()
	out := w.out // by itself: a pointer into the rewriter would keep all of it
	return &out, nil
}

// Function indexes: the import comes after the original's imports, so that all
// other functions move by one. What is added comes last.
func (w *rewriter) refill() uint32 { return uint32(w.m.ImportedFuncs) }

func (w *rewriter) function(i uint32) uint32 {
	if i < w.refill() {
		return i
	}
	return i + 1
}

// Global indexes of what is added.
func (w *rewriter) fuel() uint32         { return uint32(len(w.m.Globals)) }
func (w *rewriter) stack() uint32        { return w.fuel() + 1 }
func (w *rewriter) dirty() uint32        { return w.fuel() + 2 }
func (w *rewriter) saved(i int) uint32   { return w.fuel() + 3 + uint32(i) }
func (w *rewriter) plainType() uint32    { return uint32(len(w.m.Types)) }
func (w *rewriter) bulkType() uint32     { return uint32(len(w.m.Types)) + 1 }
func (w *rewriter) ownFunctions() uint32 { return uint32(len(w.m.Funcs)) + 1 }

// addType adds a function type and returns its index.
func (w *rewriter) addType(params, results string) uint32 {
	w.types.byte(0x60)
	w.types.name(params)
	w.types.name(results)
	w.addedTypes++
	return uint32(len(w.m.Types) + w.addedTypes - 1)
}

// helper is a function that is added.
type helper struct {
	name string
	typ  uint32
	body encoder // locals and instructions
}

func (w *rewriter) addHelper(name string, typ uint32, body encoder) uint32 {
	w.helpers = append(w.helpers, helper{name, typ, body})
	return w.ownFunctions() + uint32(len(w.helpers)) - 1
}

// takeSegments takes the active data segments out.
func (w *rewriter) takeSegments() error {
	if w.opts.KeepSegments {
		return nil
	}
	for i, d := range w.m.Data {
		if d.Mode != wasm.Active {
			continue
		}
		at, ok := constant(d.Offset)
		if !ok {
			return refuse("data_offset", i, "begins where only an imported global says")
		}
		if uint64(at)+uint64(len(d.Bytes)) > w.m.Memories[0].Min*wasm.PageSize {
			return refuse("data_outside", i, "does not fit into the memory as it begins")
		}
		if len(d.Bytes) > 0 {
			w.out.Segments = append(w.out.Segments, Segment{at, d.Bytes})
		}
	}
	return nil
}
