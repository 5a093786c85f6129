package runtime

import (
	"encoding/json"
	"fmt"

	"github.com/carrelhq/carrel/abi"
)

// Kinds of imports and exports.
const (
	kindFunction = 0
	kindTable    = 1
	kindMemory   = 2
	kindGlobal   = 3
)

func (o *outline) readMeta(r *reader) {
	text := r.rest()
	if len(text) > maxMeta {
		r.fail("meta_too_large", fmt.Sprintf("the custom section %s has %d bytes; %d are the most", abi.SectionMeta, len(text), maxMeta))
		return
	}
	if err := json.Unmarshal(text, &o.meta); err != nil || o.meta == nil {
		r.fail("bad_meta", fmt.Sprintf("the custom section %s is not a JSON object", abi.SectionMeta))
	}
}

func (o *outline) readTypes(r *reader) {
	for range r.count(maxTypes) {
		if form := r.byte(); form != 0x60 && r.err == nil {
			r.fail("unsupported_feature", fmt.Sprintf("type form 0x%02x is of a proposal that is off", form))
		}
		params := r.valueTypes()
		o.types = append(o.types, signature{params, r.valueTypes()})
		if r.err != nil {
			return
		}
	}
}

func (o *outline) readImports(r *reader, memoryBytes int64) {
	for range r.count(maxImports) {
		i := imported{module: r.name(), name: r.name()}
		switch i.kind = r.byte(); i.kind {
		case kindFunction:
			i.typ = r.uint32()
			o.functions = append(o.functions, i.typ)
		case kindTable:
			r.tableType()
		case kindMemory:
			o.addMemory(r, r.limits(), memoryBytes)
		case kindGlobal:
			r.globalType()
		default:
			r.fail("unsupported_feature", fmt.Sprintf("import kind %d is of a proposal that is off", i.kind))
		}
		if r.err != nil {
			return
		}
		o.imports = append(o.imports, i)
	}
}

// readTables copies the section for the engine with a bound on each table: the
// engine itself grows tables until the process dies.
func (o *outline) readTables(r *reader) {
	n := r.count(maxTables)
	section := appendLEB(nil, uint64(n))
	for range n {
		typ, l := r.tableType()
		if !l.bounded || l.max > maxTable {
			l.max = maxTable
		}
		section = append(section, typ, 1)
		section = appendLEB(appendLEB(section, l.min), l.max)
	}
	o.copySection(sectionTable, section)
}

func (o *outline) addMemory(r *reader, l limits, memoryBytes int64) {
	if l.min*pageSize > uint64(memoryBytes) {
		r.fail("memory_too_large", fmt.Sprintf("the memory begins with %d KiB; this server gives a sandbox %d KiB", l.min*pageSize>>10, memoryBytes>>10))
	}
	o.memories = append(o.memories, l)
}

func (o *outline) readExports(r *reader) {
	for range r.count(maxExports) {
		name := r.name()
		e := exported{kind: r.byte()}
		e.index = r.uint32()
		if r.err != nil {
			return
		}
		if _, twice := o.exports[name]; twice {
			r.fail("duplicate_export", fmt.Sprintf("%.100q is exported twice", name))
			return
		}
		o.exports[name] = e
	}
}

// Bits of an element segment's flags.
const (
	segmentPassive     = 1 // or declarative, with segmentExplicit
	segmentExplicit    = 2 // names its table, or is declarative
	segmentExpressions = 4
)

func (o *outline) readElements(r *reader) {
	for range r.count(maxSegments) {
		flags := r.uint32()
		if flags > 7 {
			r.fail("unsupported_feature", fmt.Sprintf("element segment flags %d are of a proposal that is off", flags))
		}
		if flags&segmentPassive == 0 {
			if flags&segmentExplicit != 0 {
				r.uint32()
			}
			r.constant()
		}
		if flags&(segmentPassive|segmentExplicit) != 0 {
			r.byte() // the kind or type of the elements
		}
		o.readElementList(r, flags&segmentExpressions != 0)
		if r.err != nil {
			return
		}
	}
}

func (o *outline) readElementList(r *reader, expressions bool) {
	n := r.count(maxElements)
	if o.elements += n; o.elements > maxElements {
		r.fail("too_many", fmt.Sprintf("%d elements in all segments; %d are the most", o.elements, maxElements))
	}
	for range n {
		if r.err != nil {
			return
		}
		if expressions {
			r.constant()
		} else {
			r.uint32()
		}
	}
}

func (o *outline) readCode(r *reader) {
	o.bodies = r.count(maxFunctions)
	for range o.bodies {
		o.readLocals(r)
		if r.err != nil {
			return
		}
	}
}

// readLocals adds up the locals of one function and skips its instructions.
func (o *outline) readLocals(r *reader) {
	size := r.uint32()
	if size > maxBody {
		r.fail("function_too_large", fmt.Sprintf("a function has %d bytes; %d are the most", size, maxBody))
	}
	body := r.sub(size)
	total := uint64(0)
	for range body.count(maxLocals) {
		total += uint64(body.uint32())
		body.valueType()
		if total > maxLocals {
			body.fail("too_many_locals", fmt.Sprintf("a function declares %d locals; %d are the most", total, maxLocals))
		}
		if body.err != nil {
			break
		}
	}
	if o.locals += total; o.locals > maxAllLocals {
		body.fail("too_many_locals", fmt.Sprintf("all functions declare more than %d locals", maxAllLocals))
	}
	r.err = body.err
}

// Flags of a data segment.
const (
	dataActive   = 0
	dataPassive  = 1
	dataExplicit = 2
)

func readData(r *reader) {
	for range r.count(maxSegments) {
		switch flags := r.uint32(); flags {
		case dataPassive:
		case dataExplicit:
			r.uint32()
			r.constant()
		case dataActive:
			r.constant()
		default:
			r.fail("unsupported_feature", fmt.Sprintf("data segment flags %d are of a proposal that is off", flags))
		}
		r.vector()
		if r.err != nil {
			return
		}
	}
}
