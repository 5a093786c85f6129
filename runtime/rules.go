package runtime

import (
	"slices"

	"github.com/carrelhq/carrel/abi"
	"github.com/carrelhq/carrel/runtime/wasm"
)

// ownRules are the rules beside those of the binary format. Their advice depends on
// what is found, and a refusal has it.
var ownRules = []abi.Rule{
	{Name: "empty", What: "a file without a byte"},
	{Name: "not_wasm", What: "a file that is not WebAssembly; the refusal says what it looks like"},
	{Name: "component", What: "a component instead of a core module"},
	{Name: "wrong_version", What: "another version of the binary format than 1"},
	{Name: "command_module", What: "a program with a main function instead of exports that can be called"},
	{Name: "unknown_import", What: "an import that nobody provides, or of another type; each is named"},
	{Name: "no_memory", What: "no exported memory of the module's own"},
	{Name: "bad_exports", What: "a function of the ABI that is missing or of another type, or a name that is the host's"},
	{Name: "memory_too_large", What: "a memory that begins larger than a sandbox may be (the setting memory)"},
	{Name: "data_outside", What: "data that does not fit into the memory as it begins"},
	{Name: "meta_too_large", Most: maxMeta, What: "bytes of the custom section carrel.meta"},
	{Name: "bad_meta", What: "a custom section carrel.meta that is not a JSON object"},
	{Name: "invalid_module", What: "instructions that do not fit together, found by the engine"},
	{Name: "compile_timeout", What: "a module that takes too long to compile (the setting compile_timeout)"},
	{Name: "compile_memory", What: "a module that takes too much memory to compile"},
	{Name: "module_memory", What: "a module that takes more memory, once compiled, than all modules may (the setting module_memory)"},
	{Name: "compile_crashed", What: "a module at which the compiler fails"},
	{Name: abi.RuleBusy, What: "an upload that waited too long for others to be compiled, or found too many that wait"},
	{Name: "bad_initialization", What: "a module that fails, or takes too long, before its first run"},
	{Name: "no_description", What: "a module without a handler that is registered"},
	{Name: "bad_description", What: "a carrel_describe that fails, or whose answer is not as abi/ABI.md has it"},
}

// Rules lists the rules that a module is held to at upload, in about the order in
// which they are looked at.
func Rules() []abi.Rule { return slices.Concat(ownRules[:4], wasm.Rules(), ownRules[4:]) }
