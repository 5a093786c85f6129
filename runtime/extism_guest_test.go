package runtime

import (
	"encoding/binary"
	"slices"
	"strings"
)

// extismGuest builds plug-ins, which import what newExtismGuest names: functions
// of Extism, and those of carrel after "user:".
type extismGuest struct {
	*guest
	index map[string]int
}

func newExtismGuest(names ...string) *extismGuest {
	g := &extismGuest{&guest{start: -1}, map[string]int{}}
	for _, name := range names {
		module, typ := extismEnv, envFunctions[name].typ
		if after, ok := strings.CutPrefix(name, "user:"); ok {
			module, typ = extismUser, userType
			g.index[name] = g.importFunction(module, after, typ)
			continue
		}
		g.index[name] = g.importFunction(module, name, typ)
	}
	g.memory(1, 0)
	return g
}

// do calls an imported function.
func (g *extismGuest) do(name string) []byte { return call(g.index[name]) }

// runs adds the function run, which succeeds unless the instructions return.
func (g *extismGuest) runs(instructions ...[]byte) *extismGuest {
	g.function("run", succeeds, append(instructions, i32Const(0))...)
	return g
}

// block puts a text into a new block; its offset is in the local spot then.
func (g *extismGuest) block(text string) []byte {
	out := slices.Concat(i64Const(int64(len(text))), g.do("alloc"), localSet(spot))
	for i := 0; i < len(text); i += 8 {
		var chunk [8]byte
		copy(chunk[:], text[i:])
		out = slices.Concat(out, localGet(spot), i64Const(int64(i)), i64Add,
			i64Const(int64(binary.LittleEndian.Uint64(chunk[:]))), g.do("store_u64"))
	}
	return out
}

// output sets the output to the block in spot.
func (g *extismGuest) output() []byte {
	return slices.Concat(localGet(spot), localGet(spot), g.do("length"), g.do("output_set"))
}

// newExtismEcho answers the input.
func newExtismEcho() *extismGuest {
	g := newExtismGuest("input_offset", "input_length", "output_set")
	return g.runs(g.do("input_offset"), g.do("input_length"), g.do("output_set"))
}

var (
	succeeds = signature{Results: i32}
	i64Add   = []byte{0x7c}
)

// spot is the local of type i64 of functions without parameters.
const spot = 1
