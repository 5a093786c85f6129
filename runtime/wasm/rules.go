package wasm

import (
	"fmt"

	"github.com/carrelhq/carrel/abi"
)

// rule makes a rule that is listed in Rules.
func rule(name string, most int64, what, advice string) *abi.Rule {
	return &abi.Rule{Name: name, Most: most, What: what, Advice: advice}
}

const (
	damaged  = "the file is damaged; build or copy it again"
	smaller  = "make the module smaller, or split it into several agents"
	shorter  = "split the function, or lower your compiler's inlining"
	switches = "switch threads, multiple and 64-bit memories, exceptions, tail calls and garbage collection off in your compiler"
)

// The rules about numbers. The engine sizes allocations by some of them and its
// compiler is slower than linear in others: 35 bytes that declare 2^32-1 locals
// would kill the process inside it.
var (
	maxTypes     = rule("too_many", 100_000, "function types", smaller)
	maxParams    = rule("too_many", 1_000, "parameters, or results, of a function type", "pass a pointer to a struct instead")
	maxImports   = rule("too_many", 1_000, "imports", "remove imports that are not needed")
	maxFuncs     = rule("too_many", 100_000, "functions", smaller)
	maxTables    = rule("too_many", 16, "tables", smaller)
	maxTable     = rule("table_too_large", 100_000, "elements of a table, when it begins and after it grew", "lower the table's initial size")
	maxGlobals   = rule("too_many", 10_000, "global variables", smaller)
	maxExports   = rule("too_many", 10_000, "exports", "export only what the host calls")
	maxSegments  = rule("too_many", 100_000, "data segments, or element segments", smaller)
	maxElements  = rule("too_many", 200_000, "elements of all segments together", smaller)
	maxBody      = rule("function_too_large", 1<<20, "bytes of a function", shorter)
	maxLocals    = rule("too_many_locals", 50_000, "locals of a function", shorter)
	maxAllLocals = rule("too_many_locals", 2_000_000, "locals of all functions together", shorter)
	maxNesting   = rule("nested_too_deeply", 1_000, "blocks inside one another in a function", shorter)
	maxBlocks    = rule("too_many_blocks", 30_000, "blocks, loops and ifs of a function", shorter)
	maxTargets   = rule("too_many_branches", 65_520, "targets of a br_table, and twice as many of all in a function", shorter)
	maxCustoms   = rule("too_many", 1_000, "custom sections", "strip the module")
)

// The other rules.
var (
	truncated   = rule("truncated", 0, "the file ends in the middle", "the file is incomplete or damaged; build or copy it again")
	badNumber   = rule("bad_number", 0, "a number is longer than its type allows", damaged)
	badName     = rule("bad_name", 0, "a name is not UTF-8", damaged)
	badSection  = rule("unknown_section", 0, "a section id that is not of WebAssembly 2.0", "the file is damaged, or uses a proposal that is off")
	badOrder    = rule("section_order", 0, "a section is repeated or out of order", damaged)
	badIndex    = rule("bad_index", 0, "an index is out of range", damaged)
	badCode     = rule("bad_code", 0, "blocks of a function do not match", damaged)
	twice       = rule("duplicate_export", 0, "a name is exported twice", damaged)
	mismatch    = rule("inconsistent", 0, "two parts of the file contradict each other", damaged)
	unsupported = rule("unsupported_feature", 0, "a proposal beyond WebAssembly 2.0", switches)
)

var rules = []*abi.Rule{
	maxTypes, maxParams, maxImports, maxFuncs, maxTables, maxTable, maxGlobals, maxExports, maxSegments, maxElements,
	maxBody, maxLocals, maxAllLocals, maxNesting, maxBlocks, maxTargets, maxCustoms,
	truncated, badNumber, badName, badSection, badOrder, badIndex, badCode, twice, mismatch, unsupported,
}

// Rules returns every rule of this package, those about numbers first.
func Rules() []abi.Rule {
	list := make([]abi.Rule, len(rules))
	for i, r := range rules {
		list[i] = *r
	}
	return list
}

// MaxTable is the number of elements that a table may have.
const MaxTable = 100_000

// over words a number that is above a rule.
func over(r *abi.Rule, n uint64) string {
	return fmt.Sprintf("%d %s; %d are the most", n, r.What, r.Most)
}
