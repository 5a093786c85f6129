package wasm

import (
	"bytes"
	"fmt"
)

// header is magic number and version of a core module.
var header = []byte("\x00asm\x01\x00\x00\x00")

// sections has the name of each section and its place in the file, from 1.
var sections = [...]struct {
	name  string
	place int
}{
	{"custom", 0}, {"type", 1}, {"import", 2}, {"function", 3}, {"table", 4}, {"memory", 5}, {"global", 6},
	{"export", 7}, {"start", 8}, {"element", 9}, {"code", 11}, {"data", 12}, {"data count", 10},
}

// parser is a module that is being read.
type parser struct {
	Module
	elements  int
	locals    uint64
	dataCount uint32
	names     map[string]bool // of exports
	named     []bool          // functions that ref.func in code may name
}

// Parse takes a module apart. A module that breaks a rule is an *abi.Refusal
// that says which, at which byte of which section, and what to do. The module
// refers to data, which must not change.
func Parse(data []byte) (*Module, error) {
	r := &reader{data: data, section: "header"}
	if !bytes.HasPrefix(data, header) {
		r.fail(truncated, "the file has no header of a core module, version 1")
		return nil, r.err
	}
	r.at = HeaderSize
	p := &parser{names: map[string]bool{}}
	place := 0
	for r.more() {
		r.section = "header"
		id := r.byte()
		if int(id) >= len(sections) {
			r.fail(badSection, "section id %d", id)
			break
		}
		if next := sections[id].place; id != SectionCustom && r.err == nil {
			if next <= place {
				r.fail(badOrder, "the %s section is repeated or out of order", sections[id].name)
			}
			place = next
		}
		p.readSection(id, r)
	}
	p.checkWhole(r)
	if r.err != nil {
		return nil, r.err
	}
	return &p.Module, nil
}

// readSection reads one section to its last byte.
func (p *parser) readSection(id byte, r *reader) {
	size := r.uint32()
	r.section = sections[id].name
	body := r.sub(size)
	p.read(id, body)
	if body.err == nil && body.left() > 0 {
		body.fail(mismatch, "%d bytes are left over at the end of the section", body.left())
	}
	r.err = body.err
}

func (p *parser) read(id byte, r *reader) {
	switch id {
	case SectionCustom:
		p.readCustom(r)
	case SectionType:
		p.readTypes(r)
	case SectionImport:
		p.readImports(r)
	case SectionFunction:
		for range r.count(maxFuncs) {
			p.Funcs = append(p.Funcs, r.index(len(p.Types), "type"))
		}
	case SectionTable:
		for range r.count(maxTables) {
			p.Tables = append(p.Tables, r.tableType())
		}
		r.atMost(uint64(len(p.Tables)), maxTables)
	case SectionMemory:
		p.readMemories(r)
	case SectionGlobal:
		p.readGlobals(r)
	case SectionExport:
		p.readExports(r)
	case SectionStart:
		start := r.index(len(p.Funcs), "function")
		p.Start = &start
	case SectionElement:
		p.readElements(r)
	case SectionCode:
		p.readCode(r)
	case SectionData:
		p.readData(r)
	case SectionDataCount:
		p.DataCount = true
		p.dataCount = r.uint32()
		r.atMost(uint64(p.dataCount), maxSegments)
	}
}

// checkWhole checks what only the whole file can tell.
func (p *parser) checkWhole(r *reader) {
	if own := len(p.Funcs) - p.ImportedFuncs; own != len(p.Code) {
		r.fail(mismatch, "%d functions are declared and %d have bodies", own, len(p.Code))
	}
	if p.DataCount && int(p.dataCount) != len(p.Data) {
		r.fail(mismatch, "%d data segments are announced and %d are there", p.dataCount, len(p.Data))
	}
	if p.Start != nil && r.err == nil && p.TypeOf(*p.Start) != (FuncType{}) {
		r.fail(mismatch, "the start function takes or returns something")
	}
}

func (p *parser) readCustom(r *reader) {
	c := Custom{Name: r.name()}
	c.Data = r.rest()
	p.Customs = append(p.Customs, c)
	r.atMost(uint64(len(p.Customs)), maxCustoms)
}

func (p *parser) readTypes(r *reader) {
	for range r.count(maxTypes) {
		if form := r.byte(); form != 0x60 {
			r.fail(unsupported, "type form 0x%02x is of a proposal that is off", form)
		}
		params := r.valueTypes()
		p.Types = append(p.Types, FuncType{params, r.valueTypes()})
		if r.err != nil {
			return
		}
	}
}

func (p *parser) readImports(r *reader) {
	for range r.count(maxImports) {
		i := Import{Module: r.name(), Name: r.name()}
		start := r.at
		switch i.Kind = Kind(r.byte()); i.Kind {
		case KindFunc:
			i.Type = r.index(len(p.Types), "type")
			p.Funcs = append(p.Funcs, i.Type)
			p.ImportedFuncs++
		case KindTable:
			p.Tables = append(p.Tables, r.tableType())
			p.ImportedTables++
		case KindMemory:
			p.Memories = append(p.Memories, r.limits())
			p.ImportedMemories++
		case KindGlobal:
			p.Globals = append(p.Globals, r.globalType())
			p.ImportedGlobals++
		default:
			r.fail(unsupported, "import kind %d is of a proposal that is off", i.Kind)
		}
		if r.err != nil {
			return
		}
		i.Desc = r.data[start:r.at]
		p.Imports = append(p.Imports, i)
	}
}

func (p *parser) readMemories(r *reader) {
	for range r.count(maxTables) {
		p.Memories = append(p.Memories, r.limits())
	}
	if len(p.Memories) > 1 {
		r.fail(unsupported, "%d memories: multiple memories are off", len(p.Memories))
	}
}

func (p *parser) readGlobals(r *reader) {
	for range r.count(maxGlobals) {
		g := r.globalType()
		g.Init = p.readConstant(r)
		p.Globals = append(p.Globals, g)
		if r.err != nil {
			return
		}
	}
}

func (p *parser) readExports(r *reader) {
	for range r.count(maxExports) {
		e := Export{Name: r.name(), Kind: Kind(r.byte())}
		switch e.Kind {
		case KindFunc:
			e.Index = p.namedFunction(r)
		case KindTable:
			e.Index = r.index(len(p.Tables), "table")
		case KindMemory:
			e.Index = r.index(len(p.Memories), "memory")
		case KindGlobal:
			e.Index = r.index(len(p.Globals), "global")
		default:
			r.fail(unsupported, "export kind %d is of a proposal that is off", e.Kind)
		}
		if p.names[e.Name] {
			r.fail(twice, "%.100q is exported twice", e.Name)
		}
		if r.err != nil {
			return
		}
		p.names[e.Name] = true
		p.Exports = append(p.Exports, e)
	}
}

// namedFunction reads the index of a function that code may refer to from now on.
func (p *parser) namedFunction(r *reader) uint32 {
	i := r.index(len(p.Funcs), "function")
	if p.named == nil {
		p.named = make([]bool, len(p.Funcs))
	}
	if r.err == nil {
		p.named[i] = true
	}
	return i
}

// readConstant reads an expression that initializes something: one instruction, and its end.
func (p *parser) readConstant(r *reader) []byte {
	start := r.at
	switch op := Op(r.byte()); op {
	case OpI32Const:
		r.skipNumber(5)
	case OpI64Const:
		r.skipNumber(10)
	case OpF32Const:
		r.bytes(4)
	case OpF64Const:
		r.bytes(8)
	case OpGlobalGet:
		r.index(len(p.Globals), "global")
	case OpRefFunc:
		p.namedFunction(r)
	case OpRefNull:
		r.byte()
	case 0xfd:
		if sub := r.uint32(); sub != uint32(OpV128Const&0xff) {
			r.fail(unsupported, "vector instruction %d in a constant expression", sub)
		}
		r.bytes(16)
	default:
		r.fail(unsupported, "instruction 0x%02x in a constant expression is of a proposal that is off", byte(op))
	}
	if r.byte() != byte(OpEnd) {
		r.fail(unsupported, "a constant expression has more than one instruction")
	}
	if r.err != nil {
		return nil
	}
	return r.data[start:r.at]
}

// String writes the type as text: "(i32, i32) -> i64".
func (t FuncType) String() string {
	results := typesText(t.Results)
	if len(t.Results) != 1 {
		results = "(" + results + ")"
	}
	return fmt.Sprintf("(%s) -> %s", typesText(t.Params), results)
}

func typesText(letters string) string {
	var b bytes.Buffer
	for i := range len(letters) {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(TypeName(letters[i]))
	}
	return b.String()
}

// TypeName is the name of a value type in the text format.
func TypeName(t ValueType) string {
	switch t {
	case I32:
		return "i32"
	case I64:
		return "i64"
	case F32:
		return "f32"
	case F64:
		return "f64"
	case V128:
		return "v128"
	case Funcref:
		return "funcref"
	case Externref:
		return "externref"
	}
	return fmt.Sprintf("0x%02x", t)
}
