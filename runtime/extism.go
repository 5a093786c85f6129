package runtime

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/carrelhq/carrel/abi"
	"github.com/carrelhq/carrel/runtime/wasm"
)

// The import modules of Extism: its own functions, and those of the host, which
// are carrel's.
const (
	extismEnv  = "extism:host/env"
	extismUser = "extism:host/user"
)

// plugin is the dialect of Extism plug-ins: a run is a call of one exported
// function, whose input is the run's request and whose output its reply.
//
// Extism initializes a plug-in within its first call, and so do runs: the
// snapshot is of an instance that has not run anything but its start function.
// What a plug-in draws from clock and random meanwhile is thus its own in each run.
type plugin struct {
	entry string // the function of runs
	about string // the function that answers an abi.Description
}

// pluginOf reads how the plug-in is to be called:
// {"extism":{"run":"name","describe":"name"}} in the metadata.
func pluginOf(meta map[string]any) (dialect, error) {
	var names struct{ Run, Describe string }
	if settings, ok := meta["extism"]; ok {
		text, err := json.Marshal(settings)
		if err == nil {
			err = json.Unmarshal(text, &names)
		}
		if err != nil {
			return nil, &abi.Refusal{
				Rule: "bad_meta", Problem: fmt.Sprintf("%q in the custom section %s cannot be read: %v", "extism", abi.SectionMeta, err),
				Advice: `write {"extism":{"run":"name"}}, where name is an exported function, or leave it out`,
			}
		}
	}
	return plugin{cmp.Or(names.Run, "run"), cmp.Or(names.Describe, "describe")}, nil
}

func (plugin) hostModule() string { return extismUser }

func (plugin) importAdvice() string {
	return "an Extism plug-in may import " + extismEnv + " as Extism has it, carrel's functions from " + extismUser +
		" with the type " + userType.String() + ", and " + wasiModule + "; abi/ABI.md lists carrel's"
}

func (plugin) provided(module, name string) (signature, bool) {
	switch module {
	case extismEnv:
		f, ok := envFunctions[name]
		return f.typ, ok
	case extismUser:
		_, ok := abi.Lookup(name)
		return userType, ok
	}
	return providedWasi(module, name)
}

// initializers are what is called first, as the kinds of plug-in have it: reactors
// of WASI, other modules for WASI, and programs in Haskell.
var initializers = []export{
	{name: abi.ExportInitialize},
	{name: exportConstructors},
	{name: exportHaskell, typ: signature{Params: i32 + i32}},
}

// What is exported by them, and by programs.
const (
	exportConstructors = "__wasm_call_ctors" // in place of abi.ExportInitialize
	exportHaskell      = "hs_init"
	exportProgram      = "_start"
)

func (p plugin) checkExports(m *wasm.Module) error {
	if len(m.Memories) == 0 {
		return &abi.Refusal{Rule: "no_memory", Problem: "the module has no memory", Advice: "declare one, as compilers do"}
	}
	var problems []string
	for _, want := range []export{{name: p.entry, required: true}, {name: p.about}} {
		problems = append(problems, checkCallable(m, want))
	}
	for _, want := range initializers {
		problems = append(problems, checkExport(m, want))
	}
	problems = slices.DeleteFunc(problems, func(p string) bool { return p == "" })
	if len(problems) == 0 {
		return checkNames(m)
	}
	return &abi.Refusal{
		Rule: "bad_exports", Problem: strings.Join(problems, "; "),
		Advice: fmt.Sprintf("export a function %q without parameters for runs, or name yours in the custom section %s: "+
			`{"extism":{"run":"name"}}; the functions exported are: %s`, p.entry, abi.SectionMeta, exportedFunctions(m)),
	}
}

// checkCallable tells what keeps an export from being called as Extism does:
// without parameters, and with a result that is not zero when it has failed, or
// with none.
func checkCallable(m *wasm.Module, want export) string {
	want.typ = signature{Results: i32}
	problem := checkExport(m, want)
	if want.typ = (signature{}); problem == "" || checkExport(m, want) == "" {
		return ""
	}
	return problem
}

// exportedFunctions lists the first exported functions, for advice.
func exportedFunctions(m *wasm.Module) string {
	const most = 20
	var names []string
	for _, e := range m.Exports {
		if e.Kind == wasm.KindFunc && len(names) < most {
			names = append(names, fmt.Sprintf("%.40q", e.Name))
		}
	}
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

// initialize does nothing yet: a call does.
func (plugin) initialize(context.Context, *instance) error { return nil }

// describe gives what the plug-in answers the frame of host functions.
func (p plugin) describe(ctx context.Context, in *instance) ([]byte, error) {
	if _, ok := in.of.outline.exports[p.about]; !ok {
		return nil, nil
	}
	output, failed, err := p.call(ctx, in, p.about, nil, maxDescription)
	if err != nil {
		return nil, err
	}
	if failed != nil {
		return json.Marshal(abi.Reply[abi.Empty]{Error: failed})
	}
	return fmt.Appendf(nil, `{"ok":%s}`, output), nil
}

// run answers what the plug-in does, or that it failed with the text it gave.
func (p plugin) run(ctx context.Context, in *instance, request []byte) ([]byte, error) {
	output, failed, err := p.call(ctx, in, p.entry, request, maxReply)
	if err != nil || failed == nil {
		return output, err
	}
	return json.Marshal(abi.RunReply{Error: failed})
}
