package runtime

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/carrelhq/carrel/abi"
)

// huge is 2^32-1, which modules announce and do not have.
var huge = []byte{0xff, 0xff, 0xff, 0xff, 0x0f}

// aType is a type section with the type () -> ().
var aType = section(sectionType, []byte{1, 0x60, 0, 0})

// aBody declares one function and gives it an empty body.
var aBody = slices.Concat(section(sectionFunction, []byte{1, 0}), section(sectionCode, []byte{1, 2, 0, opEnd}))

// TestNumbersThatTheBytesDoNotBack: every number that the engine would size an
// allocation by is refused where the bytes do not back it.
func TestNumbersThatTheBytesDoNotBack(t *testing.T) {
	t.Parallel()
	constant := []byte{opI32Const, 0, opEnd}
	for name, c := range map[string]struct {
		module []byte
		rule   string
	}{
		"types":                    {moduleOf(section(sectionType, huge)), "truncated"},
		"parameters":               {moduleOf(section(sectionType, []byte{1, 0x60}, huge)), "truncated"},
		"imports":                  {moduleOf(section(sectionImport, huge)), "truncated"},
		"a name":                   {moduleOf(section(sectionImport, []byte{1}, huge)), "truncated"},
		"functions":                {moduleOf(section(sectionFunction, huge)), "truncated"},
		"tables":                   {moduleOf(section(sectionTable, huge)), "truncated"},
		"elements of a table":      {moduleOf(section(sectionTable, []byte{1, funcref, 0}, huge)), "table_too_large"},
		"pages":                    {moduleOf(section(sectionMemory, []byte{1, 0}, huge)), "memory_too_large"},
		"globals":                  {moduleOf(section(sectionGlobal, huge)), "truncated"},
		"exports":                  {moduleOf(section(sectionExport, huge)), "truncated"},
		"element segments":         {moduleOf(section(sectionElement, huge)), "truncated"},
		"elements":                 {moduleOf(section(sectionElement, []byte{1, 0}, constant, huge)), "truncated"},
		"expressions":              {moduleOf(section(sectionElement, []byte{1, 5, funcref}, huge)), "truncated"},
		"bodies":                   {moduleOf(section(sectionCode, huge)), "truncated"},
		"a body":                   {moduleOf(section(sectionCode, []byte{1}, huge)), "function_too_large"},
		"groups of locals":         {moduleOf(section(sectionCode, []byte{1, 6}, huge, []byte{opEnd})), "truncated"},
		"locals":                   {moduleOf(section(sectionCode, []byte{1, 8, 1}, huge, []byte{0x7f, opEnd})), "too_many_locals"},
		"locals in groups":         {moduleOf(section(sectionCode, []byte{1, 8, 2, 0xd0, 0x86, 3, 0x7f, 1, 0x7f, opEnd})), "too_many_locals"},
		"locals of many functions": {moduleOf(section(sectionCode, uleb(41), bytes.Repeat([]byte{6, 1, 0xd0, 0x86, 3, 0x7f, opEnd}, 41))), "too_many_locals"},
		"data segments":            {moduleOf(section(sectionData, huge)), "truncated"},
		"data":                     {moduleOf(section(sectionData, []byte{1, 0}, constant, huge)), "truncated"},
		"a section":                {moduleOf(slices.Concat([]byte{sectionData}, huge)), "truncated"},
		"a custom name":            {moduleOf(section(sectionCustom, huge)), "truncated"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := ruleOf(t, c.module); got != c.rule {
				t.Errorf("got %q, want %q", got, c.rule)
			}
		})
	}
}

// ruleOf scans a module and returns the rule it breaks, or "".
func ruleOf(t *testing.T, module []byte) string {
	t.Helper()
	_, err := scan(module, 1<<20)
	var refusal *abi.Refusal
	if err != nil && !errors.As(err, &refusal) {
		t.Fatalf("%v is no refusal", err)
	}
	if err == nil {
		return ""
	}
	if refusal.Advice == "" || !strings.Contains(refusal.Problem, "byte ") {
		t.Errorf("%+v does not say where, or what to do", refusal)
	}
	return refusal.Rule
}

func TestModulesThatAreOutOfOrder(t *testing.T) {
	t.Parallel()
	code := section(sectionCode, []byte{1, 2, 0, opEnd})
	for name, c := range map[string]struct {
		module []byte
		rule   string
	}{
		"nothing but a header":       {moduleOf(), ""},
		"a function":                 {moduleOf(aType, aBody), ""},
		"types twice":                {moduleOf(aType, aType), "section_order"},
		"functions before types":     {moduleOf(section(sectionFunction, []byte{0}), aType), "section_order"},
		"a data count after code":    {moduleOf(aType, aBody, section(sectionDataCount, []byte{0})), "section_order"},
		"a function without a body":  {moduleOf(aType, section(sectionFunction, []byte{1, 0})), "inconsistent"},
		"a body without a function":  {moduleOf(aType, code), "inconsistent"},
		"bytes after a section":      {moduleOf(section(sectionType, []byte{1, 0x60, 0, 0, 0})), "inconsistent"},
		"an unknown section":         {moduleOf(section(14)), "unknown_section"},
		"a number of six bytes":      {moduleOf([]byte{1, 0x80, 0x80, 0x80, 0x80, 0x80, 0}), "bad_number"},
		"a number above 32 bits":     {moduleOf([]byte{1, 0xff, 0xff, 0xff, 0xff, 0x1f}), "bad_number"},
		"a name that is not UTF-8":   {moduleOf(section(sectionExport, []byte{1, 1, 0xff, 0, 0})), "bad_name"},
		"an export twice":            {moduleOf(section(sectionExport, []byte{2, 1, 'a', 0, 0, 1, 'a', 0, 0})), "duplicate_export"},
		"two memories":               {moduleOf(section(sectionMemory, []byte{2, 0, 1, 0, 1})), "too_many"},
		"two tables":                 {moduleOf(section(sectionTable, []byte{2, funcref, 0, 1, funcref, 0, 1})), "too_many"},
		"a shared memory":            {moduleOf(section(sectionMemory, []byte{1, 3, 1, 1})), "unsupported_feature"},
		"a 64-bit memory":            {moduleOf(section(sectionMemory, []byte{1, 4, 1})), "unsupported_feature"},
		"a structure type":           {moduleOf(section(sectionType, []byte{1, 0x5f, 0})), "unsupported_feature"},
		"a reference to a type":      {moduleOf(section(sectionType, []byte{1, 0x60, 2, 0x64, 0, 0})), "unsupported_feature"},
		"a table that is filled":     {moduleOf(section(sectionTable, []byte{1, 0x40, 0, funcref, 0, 1})), "unsupported_feature"},
		"a calculated constant":      {moduleOf(section(sectionGlobal, []byte{1, 0x7f, 0, 0x41, 1, 0x41, 1, 0x6a, opEnd})), "unsupported_feature"},
		"an element of a new kind":   {moduleOf(section(sectionElement, []byte{1, 8})), "unsupported_feature"},
		"data of a new kind":         {moduleOf(section(sectionData, []byte{1, 3, 0})), "unsupported_feature"},
		"an exception":               {moduleOf(section(13, []byte{0})), "unknown_section"},
		"metadata that is no object": {moduleOf(section(sectionCustom, vector([]byte(abi.SectionMeta)), []byte(`[1]`))), "bad_meta"},
		"metadata that is null":      {moduleOf(section(sectionCustom, vector([]byte(abi.SectionMeta)), []byte(`null`))), "bad_meta"},
		"metadata without end": {
			moduleOf(section(sectionCustom, vector([]byte(abi.SectionMeta)), bytes.Repeat([]byte(" "), maxMeta+1))), "meta_too_large",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := ruleOf(t, c.module); got != c.rule {
				t.Errorf("got %q, want %q", got, c.rule)
			}
		})
	}
}

// TestTheEngineGetsNoCustomSections: a name section could announce 2^32-1 names,
// which the engine would make room for. A module is not refused for that.
func TestTheEngineGetsNoCustomSections(t *testing.T) {
	t.Parallel()
	names := func(content ...[]byte) []byte {
		return section(sectionCustom, vector([]byte("name")), slices.Concat(content...))
	}
	good := names([]byte{nameFunctions}, vector([]byte{1, 0, 1, 'f'}))
	for name, c := range map[string]struct {
		custom []byte
		kept   []byte
	}{
		"names of functions":             {good, good},
		"names of other things too":      {names([]byte{0}, vector([]byte{1, 'm'}), []byte{nameFunctions}, vector([]byte{1, 0, 1, 'f'}), []byte{2, 1, 0}), good},
		"another section":                {section(sectionCustom, vector([]byte(".debug_info")), []byte("x")), nil},
		"2^32-1 names":                   {names([]byte{nameFunctions}, vector(huge)), nil},
		"names of 2^32-1 locals":         {names([]byte{2}, vector(slices.Concat([]byte{1, 0}, huge))), nil},
		"a name of a function too many":  {names([]byte{nameFunctions}, vector([]byte{1, 1, 1, 'f'})), nil},
		"two names for one function":     {names([]byte{nameFunctions}, vector([]byte{2, 0, 1, 'f', 0, 1, 'g'})), nil},
		"a part that ends in the middle": {names([]byte{nameFunctions, 9, 1}), nil},
		"bytes that are left over":       {names([]byte{nameFunctions}, vector([]byte{1, 0, 1, 'f', 0})), nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o, err := scan(moduleOf(aType, c.custom, aBody), 1<<20)
			if err != nil {
				t.Fatal(err)
			}
			if want := moduleOf(aType, aBody, c.kept); !bytes.Equal(o.engine, want) {
				t.Errorf("got  %x\nwant %x", o.engine, want)
			}
		})
	}
}

func TestTheEngineGetsBoundedTables(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ declared, got []byte }{
		"no bound":      {[]byte{1, funcref, 0, 1}, slices.Concat([]byte{1, funcref, 1, 1}, uleb(maxTable))},
		"a small bound": {[]byte{1, externref, 1, 1, 2}, []byte{1, externref, 1, 1, 2}},
		"a large bound": {slices.Concat([]byte{1, funcref, 1, 1}, huge), slices.Concat([]byte{1, funcref, 1, 1}, uleb(maxTable))},
		"none at all":   {[]byte{0}, []byte{0}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o, err := scan(moduleOf(section(sectionTable, c.declared)), 1<<20)
			if err != nil {
				t.Fatal(err)
			}
			if want := moduleOf(section(sectionTable, c.got)); !bytes.Equal(o.engine, want) {
				t.Errorf("got %x, want %x", o.engine, want)
			}
		})
	}
}

// everything is a module with all that the scan knows.
func everything() []byte {
	g := newGuest("log", "task_get")
	g.table(3)
	f := g.function("carrel_run", hostType, localGet(0), localGet(1), call(0))
	g.elements = [][]byte{
		slices.Concat([]byte{0}, i32Const(0), []byte{opEnd}, []byte{1}, uleb(f)),
		{1, 0, 1, 2},
		slices.Concat([]byte{2, 0}, i32Const(0), []byte{opEnd, 0, 1, 2}),
		{3, 0, 1, 2},
		slices.Concat([]byte{4}, i32Const(0), []byte{opEnd, 1, opRefFunc, 2, opEnd}),
		{5, funcref, 1, opRefNull, funcref, opEnd},
		slices.Concat([]byte{6, 0}, i32Const(0), []byte{opEnd, funcref, 1, opRefFunc, 2, opEnd}),
		{7, funcref, 1, opRefFunc, 2, opEnd},
	}
	g.dataAt(16, []byte("hello"))
	g.data = append(g.data, slices.Concat([]byte{1}, vector([]byte("passive"))))
	g.data = append(g.data, slices.Concat([]byte{2, 0}, i32Const(32), []byte{opEnd}, vector([]byte("named"))))
	g.globals = append(g.globals,
		slices.Concat([]byte{0x7d, 0, opF32Const, 0, 0, 0, 0, opEnd}), slices.Concat([]byte{0x7c, 0, opF64Const}, make([]byte, 8), []byte{opEnd}),
		slices.Concat([]byte{0x7b, 0, opVector, 12}, make([]byte, 16), []byte{opEnd}), []byte{funcref, 0, opRefFunc, 2, opEnd},
	)
	g.name(f, "run")
	g.custom(abi.SectionMeta, []byte(`{"built":"today"}`))
	return g.bytes()
}

// TestWhatTheScanReadsTheEngineReads: the two agree on a module that has everything.
func TestWhatTheScanReadsTheEngineReads(t *testing.T) {
	t.Parallel()
	e := newEngine(t, Options{})
	in, err := e.Inspect(t.Context(), everything())
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(in.Exports, " ") + "; " + strings.Join(in.Wants, " "); got != "carrel_alloc carrel_run memory; log task_get" {
		t.Errorf("got %s", got)
	}
	if in.Meta["built"] != "today" || in.MemoryMin != 2*pageSize || in.MemoryMax != 0 || len(in.Imports) != 2 {
		t.Errorf("got %+v", in)
	}
}

// FuzzScan holds the scan to its own output: what it makes for the engine passes
// unchanged, and is never larger than the module but for the bounds of tables.
func FuzzScan(f *testing.F) {
	for _, module := range [][]byte{moduleOf(), moduleOf(aType, aBody), everything(), newReplier("x").bytes()} {
		f.Add(module)
	}
	f.Fuzz(func(t *testing.T, module []byte) {
		if checkHeader(module) != nil {
			return
		}
		o, err := scan(module, 1<<20)
		if err != nil {
			return
		}
		if len(o.engine) > len(module)+16 {
			t.Errorf("%d bytes became %d", len(module), len(o.engine))
		}
		again, err := scan(o.engine, 1<<20)
		if err != nil {
			t.Fatalf("the engine gets what the scan refuses: %v", err)
		}
		if !bytes.Equal(again.engine, o.engine) {
			t.Errorf("got %x from %x", again.engine, o.engine)
		}
	})
}
