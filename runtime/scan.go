package runtime

import (
	"fmt"

	"github.com/carrelhq/carrel/abi"
)

// Limits that a module is held to before an engine sees it. The engine sizes
// allocations by some of these numbers: 35 bytes that declare 2^32-1 locals
// would kill the process inside it.
const (
	maxTypes     = 100_000
	maxParams    = 1_000
	maxImports   = 1_000
	maxFunctions = 100_000
	maxGlobals   = 100_000
	maxExports   = 10_000
	maxLocals    = 50_000
	maxAllLocals = 2_000_000 // of all functions together
	maxBody      = 1 << 20
	maxTables    = 1
	maxTable     = 100_000 // elements a table begins with, and may grow to
	maxSegments  = 100_000
	maxElements  = 200_000 // of all element segments together
	maxMeta      = 64 << 10
	pageSize     = 64 << 10
)

// Section ids of the binary format.
const (
	sectionCustom = iota
	sectionType
	sectionImport
	sectionFunction
	sectionTable
	sectionMemory
	sectionGlobal
	sectionExport
	sectionStart
	sectionElement
	sectionCode
	sectionData
	sectionDataCount
)

// sections has the name of each section and its place in the file, from 1.
var sections = [...]struct {
	name  string
	place int
}{
	{"custom", 0}, {"type", 1}, {"import", 2}, {"function", 3}, {"table", 4}, {"memory", 5}, {"global", 6},
	{"export", 7}, {"start", 8}, {"element", 9}, {"code", 11}, {"data", 12}, {"data count", 10},
}

// headerSize is the size of magic number and version.
const headerSize = 8

// outline is what a scan learns of a module.
type outline struct {
	types     []signature
	imports   []imported
	functions []uint32 // type index of each function, imports first
	exports   map[string]exported
	memories  []limits // own and imported
	meta      map[string]any

	bodies   int
	locals   uint64
	elements int
	engine   []byte // what the engine gets, see copySection
	names    []byte // payload of the name section, for the engine if it is well-formed
}

type imported struct {
	module, name string
	kind         byte
	typ          uint32
}

type exported struct {
	kind  byte
	index uint32
}

type limits struct {
	min, max uint64
	bounded  bool
}

// scan reads a module's outline and holds it to the limits. It reads every byte
// at most once, allocates nothing by a number that the bytes do not back, and
// does not judge instructions: that is the engine's part.
func scan(module []byte, memoryBytes int64) (*outline, error) {
	r := &reader{data: module, at: headerSize, section: "header"}
	o := &outline{exports: map[string]exported{}, engine: make([]byte, 0, len(module))}
	o.engine = append(o.engine, module[:headerSize]...)
	place := 0
	for r.more() {
		id := r.byte()
		body := r.sub(r.uint32())
		switch {
		case r.err != nil:
			return nil, r.err
		case int(id) >= len(sections):
			return nil, r.refuse("unknown_section", fmt.Sprintf("section id %d", id))
		case id != sectionCustom && sections[id].place <= place:
			return nil, r.refuse("section_order", fmt.Sprintf("the %s section is repeated or out of order", sections[id].name))
		case id != sectionCustom:
			place = sections[id].place
		}
		if err := o.section(id, body, memoryBytes); err != nil {
			return nil, err
		}
	}
	if own := len(o.functions) - o.importedFunctions(); own != o.bodies && r.err == nil {
		return nil, r.refuse("inconsistent", fmt.Sprintf("%d functions are declared and %d have bodies", own, o.bodies))
	}
	o.copyNames()
	return o, r.err
}

// section reads one section to its last byte and keeps what the engine needs of it.
func (o *outline) section(id byte, r *reader, memoryBytes int64) error {
	r.section = sections[id].name
	if id == sectionCustom {
		o.readCustom(r)
		return r.err
	}
	whole := r.data
	o.read(id, r, memoryBytes)
	if r.err == nil && r.at != len(r.data) {
		r.fail("inconsistent", "bytes are left over at the end of the section")
	}
	if r.err == nil && id != sectionTable {
		o.copySection(id, whole)
	}
	return r.err
}

func (o *outline) read(id byte, r *reader, memoryBytes int64) {
	switch id {
	case sectionType:
		o.readTypes(r)
	case sectionImport:
		o.readImports(r, memoryBytes)
	case sectionFunction:
		for range r.count(maxFunctions) {
			o.functions = append(o.functions, r.uint32())
		}
	case sectionTable:
		o.readTables(r)
	case sectionMemory:
		for range r.count(1) {
			o.addMemory(r, r.limits(), memoryBytes)
		}
	case sectionGlobal:
		for range r.count(maxGlobals) {
			r.globalType()
			r.constant()
		}
	case sectionExport:
		o.readExports(r)
	case sectionStart, sectionDataCount:
		r.uint32()
	case sectionElement:
		o.readElements(r)
	case sectionCode:
		o.readCode(r)
	case sectionData:
		readData(r)
	}
}

func (o *outline) importedFunctions() (n int) {
	for _, i := range o.imports {
		if i.kind == kindFunction {
			n++
		}
	}
	return n
}

// signatureOf returns the type of the function with that index.
func (o *outline) signatureOf(index uint32) (signature, bool) {
	if uint64(index) >= uint64(len(o.functions)) || uint64(o.functions[index]) >= uint64(len(o.types)) {
		return signature{}, false
	}
	return o.types[o.functions[index]], true
}

// custom sections are for people and tools; the engine gets none of them but
// function names, for its reports.
func (o *outline) readCustom(r *reader) {
	switch name := r.name(); {
	case r.err != nil:
	case name == "name" && o.names == nil:
		o.names = r.rest()
	case name == abi.SectionMeta && o.meta == nil:
		o.readMeta(r)
	}
}
