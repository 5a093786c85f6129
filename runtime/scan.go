package runtime

import (
	"encoding/json"
	"fmt"

	"github.com/carrelhq/carrel/abi"
)

// Limits that a module is held to before an engine sees it. The engine sizes
// allocations by some of these numbers: 35 bytes that declare 2^32-1 locals
// would kill the process inside it.
const (
	maxTypes     = 100_000
	maxImports   = 1_000
	maxFunctions = 100_000
	maxExports   = 10_000
	maxLocals    = 50_000
	maxBody      = 1 << 20
	maxTables    = 1
	maxTableMin  = 100_000
	maxParams    = 1_000
	maxMeta      = 64 << 10
	pageSize     = 64 << 10
)

// Section ids of the binary format.
const (
	sectionCustom   = 0
	sectionType     = 1
	sectionImport   = 2
	sectionFunction = 3
	sectionTable    = 4
	sectionMemory   = 5
	sectionExport   = 7
	sectionCode     = 10
)

var sectionNames = [...]string{"custom", "type", "import", "function", "table", "memory", "global", "export", "start", "element", "code", "data", "data count"}

// Kinds of imports and exports.
const (
	kindFunction = 0
	kindTable    = 1
	kindMemory   = 2
	kindGlobal   = 3
)

// signature is a function type in the letters of the binary format.
type signature struct{ params, results string }

// String writes the type as text: "(i32, i32) -> i64".
func (s signature) String() string {
	return "(" + valueTypes(s.params) + ") -> " + resultText(s.results)
}

// outline is what a scan learns of a module.
type outline struct {
	types     []signature
	imports   []imported
	functions []uint32 // type index of each function, imports first
	exports   map[string]exported
	memories  []limits // own and imported
	meta      map[string]any
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
	r := &reader{data: module, at: 8, section: "header"}
	o := &outline{exports: map[string]exported{}}
	for r.more() {
		id := r.byte()
		body := r.sub(r.uint32())
		if r.err != nil {
			return nil, r.err
		}
		if int(id) >= len(sectionNames) {
			return nil, r.refuse("unknown_section", fmt.Sprintf("section id %d", id))
		}
		body.section = sectionNames[id]
		if err := o.read(id, body, memoryBytes); err != nil {
			return nil, err
		}
	}
	return o, r.err
}

func (o *outline) read(id byte, r *reader, memoryBytes int64) error {
	switch id {
	case sectionCustom:
		o.readCustom(r)
	case sectionType:
		o.readTypes(r)
	case sectionImport:
		o.readImports(r, memoryBytes)
	case sectionFunction:
		for range r.count(maxFunctions) {
			o.functions = append(o.functions, r.uint32())
		}
	case sectionTable:
		for range r.count(maxTables) {
			r.byte()
			o.checkTable(r, r.limits())
		}
	case sectionMemory:
		for range r.count(1) {
			o.addMemory(r, r.limits(), memoryBytes)
		}
	case sectionExport:
		o.readExports(r)
	case sectionCode:
		for range r.count(maxFunctions) {
			readLocals(r)
		}
	}
	return r.err
}

func (o *outline) readCustom(r *reader) {
	name := r.name()
	if r.err != nil || name != abi.SectionMeta || o.meta != nil {
		return
	}
	text := r.rest()
	if len(text) > maxMeta {
		r.err = r.refuse("meta_too_large", fmt.Sprintf("the custom section %s has %d bytes; %d are the most", abi.SectionMeta, len(text), maxMeta))
		return
	}
	if err := json.Unmarshal(text, &o.meta); err != nil {
		r.err = r.refuse("bad_meta", fmt.Sprintf("the custom section %s is not a JSON object: %v", abi.SectionMeta, err))
	}
}

func (o *outline) readTypes(r *reader) {
	for range r.count(maxTypes) {
		if form := r.byte(); form != 0x60 && r.err == nil {
			r.err = r.refuse("unsupported_feature", fmt.Sprintf("type form 0x%02x is of a proposal that is off", form))
		}
		o.types = append(o.types, signature{string(r.bytes(r.count(maxParams))), string(r.bytes(r.count(maxParams)))})
		if r.err != nil {
			return
		}
	}
}

func (o *outline) readImports(r *reader, memoryBytes int64) {
	for range r.count(maxImports) {
		i := imported{module: r.name(), name: r.name(), kind: r.byte()}
		switch i.kind {
		case kindFunction:
			i.typ = r.uint32()
			o.functions = append(o.functions, i.typ)
		case kindTable:
			r.byte()
			o.checkTable(r, r.limits())
		case kindMemory:
			o.addMemory(r, r.limits(), memoryBytes)
		case kindGlobal:
			r.byte()
			r.byte()
		default:
			r.fail("unsupported_feature", fmt.Sprintf("import kind %d is of a proposal that is off", i.kind))
		}
		if r.err != nil {
			return
		}
		o.imports = append(o.imports, i)
	}
}

func (o *outline) checkTable(r *reader, l limits) {
	if l.min > maxTableMin {
		r.fail("table_too_large", fmt.Sprintf("a table begins with %d elements; %d are the most", l.min, maxTableMin))
	}
}

func (o *outline) addMemory(r *reader, l limits, memoryBytes int64) {
	if l.min*pageSize > uint64(memoryBytes) {
		r.fail("memory_too_large", fmt.Sprintf("the memory begins with %d MiB; this server gives a sandbox %d MiB", l.min*pageSize>>20, memoryBytes>>20))
	}
	o.memories = append(o.memories, l)
}

func (o *outline) readExports(r *reader) {
	for range r.count(maxExports) {
		name := r.name()
		e := exported{kind: r.byte(), index: r.uint32()}
		if r.err != nil {
			return
		}
		if _, twice := o.exports[name]; twice {
			r.fail("duplicate_export", fmt.Sprintf("%q is exported twice", name))
			return
		}
		o.exports[name] = e
	}
}

// readLocals adds up the locals of one function and skips its instructions.
func readLocals(r *reader) {
	size := r.uint32()
	if size > maxBody && r.err == nil {
		r.fail("function_too_large", fmt.Sprintf("a function has %d bytes; %d are the most", size, maxBody))
	}
	body := r.sub(size)
	if r.err != nil {
		return
	}
	total := uint64(0)
	for range body.count(maxLocals) {
		total += uint64(body.uint32())
		body.byte()
		if total > maxLocals {
			body.fail("too_many_locals", fmt.Sprintf("a function declares %d locals; %d are the most", total, maxLocals))
		}
		if body.err != nil {
			break
		}
	}
	r.err = body.err
}

// signatureOf returns the type of the function with that index.
func (o *outline) signatureOf(index uint32) (signature, bool) {
	if uint64(index) >= uint64(len(o.functions)) || uint64(o.functions[index]) >= uint64(len(o.types)) {
		return signature{}, false
	}
	return o.types[o.functions[index]], true
}
