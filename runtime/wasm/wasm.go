// Package wasm reads the binary format of WebAssembly 2.0, for bytes that a
// stranger wrote.
//
// Parse takes a module apart and holds it to limits. It reads every byte once,
// allocates nothing by a number that the bytes do not back, and checks what the
// engine is not trusted with: sizes, counts, nesting, and that every index is in
// range. Whether instructions fit together by type is the engine's part. The
// package knows nothing of what carrel wants imported or exported.
package wasm

// ValueType is a value type in the letter of the binary format.
type ValueType = byte

// The value types that are on.
const (
	I32       ValueType = 0x7f
	I64       ValueType = 0x7e
	F32       ValueType = 0x7d
	F64       ValueType = 0x7c
	V128      ValueType = 0x7b
	Funcref   ValueType = 0x70
	Externref ValueType = 0x6f
)

// Kind says what an import or export is.
type Kind byte

// The kinds.
const (
	KindFunc Kind = iota
	KindTable
	KindMemory
	KindGlobal
)

// Section ids of the binary format.
const (
	SectionCustom byte = iota
	SectionType
	SectionImport
	SectionFunction
	SectionTable
	SectionMemory
	SectionGlobal
	SectionExport
	SectionStart
	SectionElement
	SectionCode
	SectionData
	SectionDataCount
)

// HeaderSize is the size of magic number and version, in bytes.
const HeaderSize = 8

// PageSize is the size of a page of linear memory, in bytes.
const PageSize = 64 << 10

// Module is a module taken apart. Its byte slices are parts of what was parsed.
type Module struct {
	Types    []FuncType
	Imports  []Import
	Funcs    []uint32 // type of each function, imported ones first
	Tables   []Table  // imported ones first, as in all index spaces
	Memories []Limits
	Globals  []Global
	Exports  []Export
	Start    *uint32 // function, nil without a start section
	Elements []Element
	Data     []Data
	// DataCount tells that there is a data count section, as memory.init and
	// data.drop need.
	DataCount bool
	Code      []Body // of the functions that are not imported
	Customs   []Custom

	// ImportedFuncs and the others are how much of an index space is imported.
	ImportedFuncs, ImportedTables, ImportedMemories, ImportedGlobals int
}

// FuncType is a function type: parameters and results in the letters of the binary format.
type FuncType struct{ Params, Results string }

// Import is one import. Type is the type index of a function.
type Import struct {
	Module, Name string
	Kind         Kind
	Type         uint32
	Desc         []byte // kind and description as they are in the file
}

// Limits are the bounds of a table or memory, in elements or pages.
type Limits struct {
	Min, Max uint64
	Bounded  bool // there is a Max
}

// Table is a table of references.
type Table struct {
	Type ValueType
	Limits
}

// Global is a global variable. Init is nil for an imported one.
type Global struct {
	Type    ValueType
	Mutable bool
	Init    []byte // the expression, its end included
}

// Export is one export.
type Export struct {
	Name  string
	Kind  Kind
	Index uint32
}

// Mode says what becomes of a segment when the module is instantiated.
type Mode byte

// The modes.
const (
	Active      Mode = iota // copied into its table or memory
	Passive                 // for table.init or memory.init
	Declarative             // elements only: makes functions known to ref.func
)

// Element is an element segment: functions by index, or expressions.
type Element struct {
	Mode   Mode
	Table  uint32
	Offset []byte // expression of an active one
	Type   ValueType
	Funcs  []uint32
	Exprs  [][]byte // instead of Funcs
}

// Data is a data segment.
type Data struct {
	Mode   Mode
	Offset []byte // expression of an active one
	Bytes  []byte
}

// Body is the code of one function.
type Body struct {
	Type   uint32
	Locals []Locals
	// NumLocals counts parameters and locals.
	NumLocals int
	Code      []byte // instructions, the last end included
	At        int    // offset of Code in the file
	Count     int    // number of instructions
}

// Locals declares that many locals of a type.
type Locals struct {
	Count uint32
	Type  ValueType
}

// Custom is a custom section.
type Custom struct {
	Name string
	Data []byte
}

// TypeOf returns the type of the function with that index; the index must be in range.
func (m *Module) TypeOf(index uint32) FuncType { return m.Types[m.Funcs[index]] }

// Export returns the export of that name.
func (m *Module) Export(name string) (Export, bool) {
	for _, e := range m.Exports {
		if e.Name == name {
			return e, true
		}
	}
	return Export{}, false
}
