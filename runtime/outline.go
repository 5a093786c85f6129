package runtime

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/carrelhq/carrel/abi"
	"github.com/carrelhq/carrel/runtime/rewrite"
	"github.com/carrelhq/carrel/runtime/wasm"
)

// signature is a function type.
type signature = wasm.FuncType

// Value types in the letters of signatures.
const (
	i32 = "\x7f"
	i64 = "\x7e"
)

// pageSize is the size of a page of linear memory, in bytes.
const pageSize = wasm.PageSize

// maxMeta bounds a module's metadata, in bytes.
const maxMeta = 64 << 10

// outline is what is kept of a module beside its code.
type outline struct {
	imports []wasm.Import
	exports map[string]wasm.Export
	memory  wasm.Limits
	meta    map[string]any
	source  []byte // for carrel_load
	size    int    // bytes of the original
	kept    int    // bytes of it that are kept, as source and data
	dialect dialect

	// code is the module as it is compiled. Its Module goes once that is done.
	code *rewrite.Result
}

// examine takes a module apart, holds it to the rules, and makes it account for
// itself; without the engine.
func examine(module []byte, memoryBytes int64) (*outline, error) {
	if err := checkHeader(module); err != nil {
		return nil, err
	}
	m, err := wasm.Parse(module)
	if err != nil {
		return nil, err
	}
	o := &outline{imports: m.Imports, exports: make(map[string]wasm.Export, len(m.Exports)), size: len(module)}
	for _, e := range m.Exports {
		o.exports[e.Name] = e
	}
	if err := o.readCustoms(m); err != nil {
		return nil, err
	}
	if o.dialect, err = dialectOf(m, o.meta); err != nil {
		return nil, err
	}
	for _, check := range []func(*wasm.Module) error{checkImports(o.dialect), o.dialect.checkExports, checkMemory(memoryBytes)} {
		if err := check(m); err != nil {
			return nil, err
		}
	}
	o.memory = m.Memories[0]
	if o.code, err = rewrite.Rewrite(m, rewrite.Options{StackBytes: firstStack}); err != nil {
		return nil, err
	}
	o.letGo()
	return o, nil
}

// letGo copies what are parts of the module, so that no more of it is kept than that.
func (o *outline) letGo() {
	o.imports = slices.Clone(o.imports)
	for i := range o.imports {
		o.imports[i].Desc = nil
	}
	o.kept = len(o.source)
	for i, s := range o.code.Segments {
		o.code.Segments[i].Bytes = bytes.Clone(s.Bytes)
		o.kept += len(s.Bytes)
	}
}

// checkMemory holds a module to one memory of its own that fits into a sandbox.
func checkMemory(memoryBytes int64) func(*wasm.Module) error {
	return func(m *wasm.Module) error {
		l := m.Memories[0] // checkExports has seen that it is there
		if l.Min*pageSize <= uint64(memoryBytes) {
			return nil
		}
		return &abi.Refusal{
			Rule:    "memory_too_large",
			Problem: fmt.Sprintf("the memory begins with %d KiB; this server gives a sandbox %d KiB", l.Min*pageSize>>10, memoryBytes>>10),
			Advice:  "lower the module's initial memory, or raise the server's memory limit",
		}
	}
}

// readCustoms reads the custom sections that are for carrel.
func (o *outline) readCustoms(m *wasm.Module) error {
	for _, c := range m.Customs {
		if c.Name == abi.SectionSource && o.source == nil {
			o.source = bytes.Clone(c.Data)
		}
	}
	return o.readMeta(m)
}

// readMeta reads what the author's build tool says about the module.
func (o *outline) readMeta(m *wasm.Module) error {
	for _, c := range m.Customs {
		if c.Name != abi.SectionMeta {
			continue
		}
		if len(c.Data) > maxMeta {
			return &abi.Refusal{
				Rule:    "meta_too_large",
				Problem: fmt.Sprintf("the custom section %s has %d bytes; %d are the most", c.Name, len(c.Data), maxMeta),
				Advice:  "keep metadata short",
			}
		}
		if err := json.Unmarshal(c.Data, &o.meta); err != nil || o.meta == nil {
			return &abi.Refusal{
				Rule: "bad_meta", Problem: fmt.Sprintf("the custom section %s is not a JSON object", c.Name),
				Advice: "write a JSON object there, or leave the section out",
			}
		}
		return nil
	}
	return nil
}

// marked is the module for the engine, made different from that of every other
// one. The engine shares code between modules that are equal byte for byte, and
// gives out code that is still being loaded when two such load at the same time.
func (o *outline) marked(digest string) []byte {
	const name = "carrel.digest"
	section := append(binary.AppendUvarint(nil, uint64(len(name))), name...)
	section = append(section, digest...)
	out := append(o.code.Module, wasm.SectionCustom)
	out = binary.AppendUvarint(out, uint64(len(section)))
	return append(out, section...)
}
