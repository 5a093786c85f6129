package rewrite

import "github.com/carrelhq/carrel/runtime/wasm"

// nameFunctions is the part of the name section that names functions.
const nameFunctions = 1

// names writes the names of functions, so that traps are told with them. A
// module is not refused for what is wrong with its names; they are left out then.
func (w *rewriter) names(out *encoder) {
	names, _ := w.m.FunctionNames()
	var list encoder
	count := 0
	add := func(index uint32, name string) {
		list.index(index)
		list.name(name)
		count++
	}
	for _, n := range names {
		if int64(n.Index) >= int64(w.m.ImportedFuncs) {
			n.Index = w.function(n.Index)
		}
		add(n.Index, n.Name)
	}
	for i, h := range w.helpers {
		add(w.ownFunctions()+uint32(i), h.name)
	}
	var part, section encoder
	part.uint(uint64(count))
	part.bytes(list)
	section.name("name")
	section.byte(nameFunctions)
	section.vector(part)
	out.byte(wasm.SectionCustom)
	out.vector(section)
}
