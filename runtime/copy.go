package runtime

import "encoding/binary"

// copySection appends a section to what the engine gets. That is the module
// without its custom sections and with bounded tables: the engine sizes
// allocations by what custom sections announce, and has no bound on tables.
func (o *outline) copySection(id byte, payload []byte) {
	o.engine = append(o.engine, id)
	o.engine = appendLEB(o.engine, uint64(len(payload)))
	o.engine = append(o.engine, payload...)
}

// mark makes what the engine gets differ from that of every other module. The
// engine shares code between modules that are equal byte for byte, and gives out
// code that is still being loaded when two such load at the same time.
func (o *outline) mark(digest string) {
	name := "carrel.digest"
	section := append(appendLEB(nil, uint64(len(name))), name...)
	o.copySection(sectionCustom, append(section, digest...))
}

func appendLEB(b []byte, n uint64) []byte { return binary.AppendUvarint(b, n) }

// nameFunctions is the part of the name section that names functions.
const nameFunctions = 1

// copyNames gives the engine the names of functions if they are well-formed: a
// module is not refused for what is wrong with its names.
func (o *outline) copyNames() {
	r := &reader{data: o.names}
	for r.more() {
		id := r.byte()
		part := r.sub(r.uint32())
		if r.err == nil && id == nameFunctions && o.validNames(part) {
			section := append([]byte("\x04name"), nameFunctions)
			section = appendLEB(section, uint64(len(part.data)))
			o.copySection(sectionCustom, append(section, part.data...))
			return
		}
	}
}

// validNames reports whether the names are of this module's functions, in order.
func (o *outline) validNames(r *reader) bool {
	next := uint32(0)
	for range r.count(maxFunctions + maxImports) {
		index := r.uint32()
		r.name()
		if r.err != nil || index < next || int64(index) >= int64(len(o.functions)) {
			return false
		}
		next = index + 1
	}
	return r.err == nil && r.at == len(r.data)
}
