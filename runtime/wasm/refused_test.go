package wasm

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/carrelhq/carrel/abi"
)

// huge is 2^32-1, which modules announce and do not have.
var huge = []byte{0xff, 0xff, 0xff, 0xff, 0x0f}

// aType is a type section with the type () -> ().
var aType = section(SectionType, []byte{1, 0x60, 0, 0})

// aBody declares one function and gives it an empty body.
var aBody = slices.Concat(section(SectionFunction, []byte{1, 0}), section(SectionCode, []byte{1, 2, 0, byte(OpEnd)}))

var (
	aFunction = section(SectionFunction, []byte{1, 0})
	aMemory   = section(SectionMemory, []byte{1, 0, 1})
)

// TestNumbersThatTheBytesDoNotBack: every number that the engine would size an
// allocation by is refused where the bytes do not back it.
func TestNumbersThatTheBytesDoNotBack(t *testing.T) {
	t.Parallel()
	constant := []byte{byte(OpI32Const), 0, byte(OpEnd)}
	for name, c := range map[string]struct {
		module []byte
		rule   string
	}{
		"types":                    {moduleOf(section(SectionType, huge)), "truncated"},
		"parameters":               {moduleOf(section(SectionType, []byte{1, 0x60}, huge)), "truncated"},
		"imports":                  {moduleOf(section(SectionImport, huge)), "truncated"},
		"a name":                   {moduleOf(section(SectionImport, []byte{1}, huge)), "truncated"},
		"functions":                {moduleOf(section(SectionFunction, huge)), "truncated"},
		"tables":                   {moduleOf(section(SectionTable, huge)), "truncated"},
		"elements of a table":      {moduleOf(section(SectionTable, []byte{1, Funcref, 0}, huge)), "table_too_large"},
		"pages":                    {moduleOf(section(SectionMemory, []byte{1, 0}, huge)), ""},
		"globals":                  {moduleOf(section(SectionGlobal, huge)), "truncated"},
		"exports":                  {moduleOf(section(SectionExport, huge)), "truncated"},
		"element segments":         {moduleOf(section(SectionElement, huge)), "truncated"},
		"elements":                 {moduleOf(section(SectionElement, []byte{1, 0}, constant, huge)), "truncated"},
		"expressions":              {moduleOf(section(SectionElement, []byte{1, 5, Funcref}, huge)), "truncated"},
		"bodies":                   {moduleOf(section(SectionCode, huge)), "truncated"},
		"a body":                   {moduleOf(aType, aFunction, section(SectionCode, []byte{1}, huge)), "function_too_large"},
		"groups of locals":         {moduleOf(aType, aFunction, section(SectionCode, []byte{1, 6}, huge, []byte{byte(OpEnd)})), "truncated"},
		"locals":                   {moduleOf(aType, aFunction, section(SectionCode, []byte{1, 8, 1}, huge, []byte{0x7f, byte(OpEnd)})), "too_many_locals"},
		"locals in groups":         {moduleOf(aType, aFunction, section(SectionCode, []byte{1, 8, 2, 0xd0, 0x86, 3, 0x7f, 1, 0x7f, byte(OpEnd)})), "too_many_locals"},
		"locals of many functions": {moduleOf(aType, section(SectionFunction, uleb(41), make([]byte, 41)), section(SectionCode, uleb(41), bytes.Repeat([]byte{6, 1, 0xd0, 0x86, 3, 0x7f, byte(OpEnd)}, 41))), "too_many_locals"},
		"data segments":            {moduleOf(section(SectionData, huge)), "truncated"},
		"data":                     {moduleOf(aMemory, section(SectionData, []byte{1, 0}, constant, huge)), "truncated"},
		"a section":                {moduleOf(slices.Concat([]byte{SectionData}, huge)), "truncated"},
		"a custom name":            {moduleOf(section(SectionCustom, huge)), "truncated"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := ruleOf(t, c.module); got != c.rule {
				t.Errorf("got %q, want %q", got, c.rule)
			}
		})
	}
}

// ruleOf parses a module and returns the rule it breaks, or "".
func ruleOf(t *testing.T, module []byte) string {
	t.Helper()
	_, err := Parse(module)
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
	code := section(SectionCode, []byte{1, 2, 0, byte(OpEnd)})
	for name, c := range map[string]struct {
		module []byte
		rule   string
	}{
		"nothing but a header":      {moduleOf(), ""},
		"a function":                {moduleOf(aType, aBody), ""},
		"types twice":               {moduleOf(aType, aType), "section_order"},
		"functions before types":    {moduleOf(section(SectionFunction, []byte{0}), aType), "section_order"},
		"a data count after code":   {moduleOf(aType, aBody, section(SectionDataCount, []byte{0})), "section_order"},
		"a function without a body": {moduleOf(aType, section(SectionFunction, []byte{1, 0})), "inconsistent"},
		"a body without a function": {moduleOf(aType, code), "inconsistent"},
		"bytes after a section":     {moduleOf(section(SectionType, []byte{1, 0x60, 0, 0, 0})), "inconsistent"},
		"an unknown section":        {moduleOf(section(14)), "unknown_section"},
		"a number of six bytes":     {moduleOf([]byte{1, 0x80, 0x80, 0x80, 0x80, 0x80, 0}), "bad_number"},
		"a number above 32 bits":    {moduleOf([]byte{1, 0xff, 0xff, 0xff, 0xff, 0x1f}), "bad_number"},
		"a name that is not UTF-8":  {moduleOf(section(SectionExport, []byte{1, 1, 0xff, 0, 0})), "bad_name"},
		"an export twice":           {moduleOf(aMemory, section(SectionExport, []byte{2, 1, 'a', 2, 0, 1, 'a', 2, 0})), "duplicate_export"},
		"two memories":              {moduleOf(section(SectionMemory, []byte{2, 0, 1, 0, 1})), "unsupported_feature"},
		"two tables":                {moduleOf(section(SectionTable, []byte{2, Funcref, 0, 1, Funcref, 0, 1})), ""},
		"a shared memory":           {moduleOf(section(SectionMemory, []byte{1, 3, 1, 1})), "unsupported_feature"},
		"a 64-bit memory":           {moduleOf(section(SectionMemory, []byte{1, 4, 1})), "unsupported_feature"},
		"a structure type":          {moduleOf(section(SectionType, []byte{1, 0x5f, 0})), "unsupported_feature"},
		"a reference to a type":     {moduleOf(section(SectionType, []byte{1, 0x60, 2, 0x64, 0, 0})), "unsupported_feature"},
		"a table that is filled":    {moduleOf(section(SectionTable, []byte{1, 0x40, 0, Funcref, 0, 1})), "unsupported_feature"},
		"a calculated constant":     {moduleOf(section(SectionGlobal, []byte{1, 0x7f, 0, 0x41, 1, 0x41, 1, 0x6a, byte(OpEnd)})), "unsupported_feature"},
		"an element of a new kind":  {moduleOf(section(SectionElement, []byte{1, 8})), "unsupported_feature"},
		"data of a new kind":        {moduleOf(section(SectionData, []byte{1, 3, 0})), "unsupported_feature"},
		"an exception":              {moduleOf(section(13, []byte{0})), "unknown_section"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := ruleOf(t, c.module); got != c.rule {
				t.Errorf("got %q, want %q", got, c.rule)
			}
		})
	}
}

func moduleOf(sections ...[]byte) []byte {
	return slices.Concat(append([][]byte{header}, sections...)...)
}

func section(id byte, content ...[]byte) []byte {
	body := slices.Concat(content...)
	return slices.Concat([]byte{id}, uleb(len(body)), body)
}

func uleb(n int) []byte { return binary.AppendUvarint(nil, uint64(n)) }
