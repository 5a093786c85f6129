package runtime

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/carrelhq/carrel/abi"
	"github.com/carrelhq/carrel/runtime/rewrite"
	"github.com/carrelhq/carrel/runtime/wasm"
)

// buildAdvice is how a module is built that carrel runs.
const buildAdvice = "build a core module for wasm32-wasip1; in Go: GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -o agent.wasm . ; " +
	"in Rust: cargo build --release --target wasm32-wasip1, with crate-type = [\"cdylib\"]"

// advice says what to do about the rules that a compilation finds broken.
var advice = map[string]string{
	"invalid_module":  "the file is damaged, or uses a proposal that is off; build it again with your compiler's defaults for wasm32-wasip1",
	"compile_timeout": "make functions smaller, or lower your compiler's inlining",
	"compile_memory":  "make functions smaller, or lower your compiler's inlining; the server's operator may allow more",
	"module_memory":   "leave out what is not needed; the server's operator may allow more",
	"compile_crashed": "another version or setting of your compiler may help; please report it with the module",
	abi.RuleBusy:      "nothing is known to be wrong with the module; upload it again in a while",
}

func adviceFor(rule string) string { return advice[rule] }

var wasmMagic = []byte("\x00asm")

// looksLike tells what a file is that is no core module.
var looksLike = []struct{ prefix, what string }{
	{"\x1f\x8b", "a gzip archive; unpack it"},
	{"PK\x03\x04", "a zip archive; unpack it"},
	{"\x7fELF", "a program for Linux; compile for wasm32-wasip1 instead"},
	{"\xcf\xfa\xed\xfe", "a program for macOS; compile for wasm32-wasip1 instead"},
	{"MZ", "a program for Windows; compile for wasm32-wasip1 instead"},
	{"(module", "WebAssembly text; assemble it first, for example with wat2wasm"},
	{"<", "a page of HTML or XML, as a failed download leaves"},
	{"{", "JSON"},
	{"[", "JSON"},
	{"import ", "source code; build it first"},
	{"export ", "source code; build it first"},
	{"package ", "source code; build it first"},
	{"use ", "source code; build it first"},
	{"//", "source code; build it first"},
	{"#!", "a script"},
}

// checkHeader refuses what is no core module of version 1.
func checkHeader(module []byte) error {
	switch {
	case len(module) == 0:
		return &abi.Refusal{Rule: "empty", Problem: "the file is empty", Advice: buildAdvice}
	case !bytes.HasPrefix(module, wasmMagic):
		return &abi.Refusal{Rule: "not_wasm", Problem: "the file is not WebAssembly: it looks like " + guess(module), Advice: buildAdvice}
	case len(module) < 8:
		return &abi.Refusal{Rule: "truncated", Problem: "the file ends within its header", Advice: "the file is incomplete or damaged; build or copy it again"}
	}
	version, layer := binary.LittleEndian.Uint16(module[4:]), binary.LittleEndian.Uint16(module[6:])
	switch {
	case layer == 1:
		return &abi.Refusal{Rule: "component", Problem: "the file is a component, which this engine does not run", Advice: buildAdvice}
	case version != 1 || layer != 0:
		return &abi.Refusal{Rule: "wrong_version", Problem: fmt.Sprintf("the file has version %d.%d of the binary format; 1.0 is known", version, layer), Advice: buildAdvice}
	}
	return nil
}

func guess(module []byte) string {
	head := bytes.TrimLeft(module[:min(len(module), 512)], " \t\r\n\ufeff")
	for _, l := range looksLike {
		if bytes.HasPrefix(head, []byte(l.prefix)) {
			return l.what
		}
	}
	if utf8.Valid(head) || utf8.Valid(head[:max(0, len(head)-utf8.UTFMax)]) {
		return "text"
	}
	return "something else"
}

// export is an exported function that a module must or may have.
type export struct {
	name     string
	typ      signature
	required bool
	advice   string
}

var exports = []export{
	{abi.ExportAlloc, signature{Params: i32, Results: i32}, true, "export it: the host asks it for memory to put requests and replies into"},
	{abi.ExportRun, hostType, true, "export it: it is called for every task; SDKs do so when a handler is registered"},
	{abi.ExportInitialize, signature{}, false, ""},
	{abi.ExportDescribe, signature{Results: i64}, false, ""},
	{abi.ExportLoad, signature{Params: i32 + i32}, false, ""},
	{abi.ExportWarm, signature{}, false, ""},
	{abi.ExportReseed, signature{Params: i64}, false, ""},
}

// checkExports holds a module to what the ABI wants exported. All faults are
// named at once.
func checkExports(m *wasm.Module) error {
	command := isCommand(m)
	if _, ok := m.Export(abi.ExportRun); !ok && command {
		return &abi.Refusal{
			Rule: "command_module", Problem: "the module is a program with a main function: it exports _start and not " + abi.ExportRun,
			Advice: "build a library instead, and register the handler when it is initialized; in Go: func init() { agent.Handle(run) } and go build -buildmode=c-shared; in Rust: crate-type = [\"cdylib\"]",
		}
	}
	if e, ok := m.Export(abi.ExportMemory); !ok || e.Kind != wasm.KindMemory {
		return &abi.Refusal{Rule: "no_memory", Problem: "the module exports no memory named \"memory\"", Advice: "export it: host and guest exchange requests and replies there"}
	}
	var problems []string
	var first string
	for _, want := range exports {
		problem := checkExport(m, want)
		if problem == "" {
			continue
		}
		problems = append(problems, problem)
		if first == "" {
			first = want.advice
		}
	}
	if len(problems) == 0 {
		return checkNames(m)
	}
	if command {
		first = "the module is a command, whose main runs once; " + buildAdvice
	}
	return &abi.Refusal{Rule: "bad_exports", Problem: strings.Join(problems, "; "), Advice: first}
}

// checkNames keeps the names free that the host adds to a module.
func checkNames(m *wasm.Module) error {
	for _, e := range m.Exports {
		if strings.HasPrefix(e.Name, rewrite.Prefix) {
			return &abi.Refusal{
				Rule: "bad_exports", Problem: fmt.Sprintf("%.100q: names that begin with %q are the host's", e.Name, rewrite.Prefix),
				Advice: "give the export another name",
			}
		}
	}
	return nil
}

// isCommand reports whether the module is one of WASI's commands.
func isCommand(m *wasm.Module) bool {
	e, ok := m.Export("_start")
	return ok && e.Kind == wasm.KindFunc
}

func checkExport(m *wasm.Module, want export) string {
	e, ok := m.Export(want.name)
	switch {
	case !ok && want.required:
		return fmt.Sprintf("%s: %s is not exported", want.name, want.typ)
	case !ok:
		return ""
	case e.Kind != wasm.KindFunc:
		return fmt.Sprintf("%s is exported, but is no function", want.name)
	}
	if have := m.TypeOf(e.Index); have != want.typ {
		return fmt.Sprintf("%s has type %s and must have %s", want.name, have, want.typ)
	}
	return ""
}

// checkImports refuses imports that nobody provides, each named.
func checkImports(d dialect) func(*wasm.Module) error {
	return func(m *wasm.Module) error {
		var problems []string
		for _, i := range m.Imports {
			if problem := checkImport(m, i, d); problem != "" {
				problems = append(problems, problem)
			}
		}
		if len(problems) == 0 {
			return nil
		}
		const most = 10
		if more := len(problems) - most; more > 0 {
			problems = append(problems[:most], fmt.Sprintf("and %d more", more))
		}
		return &abi.Refusal{Rule: "unknown_import", Problem: strings.Join(problems, "; "), Advice: d.importAdvice()}
	}
}

func checkImport(m *wasm.Module, i wasm.Import, d dialect) string {
	what := fmt.Sprintf("%.100q %.100q", i.Module, i.Name)
	if i.Kind != wasm.KindFunc {
		return what + " is imported, but is no function; memories, tables and globals must be the module's own"
	}
	want, ok := d.provided(i.Module, i.Name)
	if !ok {
		if near, found := abi.Nearest(i.Name); found && i.Module != wasiModule {
			return fmt.Sprintf("%s is not known; did you mean %q %q?", what, d.hostModule(), near)
		}
		return what + " is not known"
	}
	if have := m.Types[i.Type]; have != want {
		return fmt.Sprintf("%s is imported with type %s and has %s", what, have, want)
	}
	return ""
}

// providedWasi returns the type of a function of the shim.
func providedWasi(module, name string) (signature, bool) {
	f, ok := wasiFunctions[name]
	return f.typ, ok && module == wasiModule
}

// wants lists the host functions that the module imports, in the order of the ABI.
func (o *outline) wants() []string {
	list := []string{}
	for _, f := range abi.Funcs {
		if slices.ContainsFunc(o.imports, func(i wasm.Import) bool { return i.Module == o.dialect.hostModule() && i.Name == f.Name }) {
			list = append(list, f.Name)
		}
	}
	return list
}
