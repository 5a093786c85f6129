// Package programs makes random modules that are valid, for tests that run one
// module in several ways and compare what comes out. It is a test suite.
//
// A program has functions with all kinds of control flow, memory, tables, globals
// and segments, and is a carrel agent: what it does depends on the request, and
// what it answers is a part of its memory. It may trap, recurse without end or not
// end at all. Its state is visible from outside: mutable globals are exported, and
// each run begins by writing into memory what its tables are like.
//
// Which bits a NaN has is the engine's choice, so that engines could not be
// compared. So every operation that makes a float is followed by one that gives
// a NaN the bits of the usual one; vectors have integer operations only. The
// engine's compiler (wazero v1.12.0) takes the wrong branch at 0 < (x & y), as it
// looks at the flags of (x & y) < 0; so nothing that is compared is an and.
package programs

import (
	"encoding/binary"
	"math/rand/v2"

	"github.com/carrelhq/carrel/runtime/wasm"
)

// Module makes a module out of bytes, the same one for the same bytes. Any bytes
// make a valid one; a few thousand make a varied one.
func Module(random []byte) []byte {
	p := &program{choices: random}
	p.declare()
	p.define()
	return p.assemble()
}

// Seeded returns bytes for Module, the same ones for the same seed.
func Seeded(seed uint64) []byte {
	var key [32]byte
	binary.LittleEndian.PutUint64(key[:], seed)
	out := make([]byte, 8<<10)
	_, _ = rand.NewChaCha8(key).Read(out) // never fails
	return out
}

// MinRequest is the fewest bytes that a request may have: a run reads as many.
const MinRequest = 8

// program is a module that is being made.
type program struct {
	choices
	types    []wasm.FuncType
	imports  []string // functions of carrel's
	funcs    []function
	random   []int // functions by their index that are made of random instructions and call each other
	globals  []global
	tables   []table
	elements []encoder
	data     []segment
	exports  encoder
	exported int
	start    int // function index, 0 for none

	pages, most int // of memory; most is 0 without a bound

	// What the functions may do that makes a sandbox unfit to be used again. Most
	// do little of it, as resets are what is to be tested.
	grows, changesTables, drops bool
}

type function struct {
	wasm.FuncType
	name string // of the export, empty for none
	body encoder
}

type global struct {
	typ     wasm.ValueType
	mutable bool
	init    encoder
}

type table struct {
	typ      wasm.ValueType
	min, max int // max is 0 without a bound
}

type segment struct {
	passive bool
	offset  int
	bytes   []byte
}

// typeOf returns the index of a function type.
func (p *program) typeOf(t wasm.FuncType) int {
	for i, have := range p.types {
		if have == t {
			return i
		}
	}
	p.types = append(p.types, t)
	return len(p.types) - 1
}

// reserve declares a function and returns its index.
func (p *program) reserve(name string, t wasm.FuncType) int {
	p.funcs = append(p.funcs, function{FuncType: t, name: name})
	return len(p.imports) + len(p.funcs) - 1
}

// function returns a declared function by its index.
func (p *program) function(index int) *function { return &p.funcs[index-len(p.imports)] }
