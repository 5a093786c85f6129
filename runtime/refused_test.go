package runtime_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/carrelhq/carrel/abi"
	"github.com/carrelhq/carrel/runtime"
)

// wasm puts a module together of sections.
func wasm(sections ...[]byte) []byte {
	return slices.Concat(append([][]byte{[]byte("\x00asm\x01\x00\x00\x00")}, sections...)...)
}

// section frames content, which is shorter than 128 bytes, as a section.
func section(id byte, content ...byte) []byte {
	return append([]byte{id, byte(len(content))}, content...)
}

func text(s string) []byte { return append([]byte{byte(len(s))}, s...) }

// importOf is a module that imports one function of type (i32, i32) -> i64.
func importOf(module, name string) []byte {
	return wasm(
		section(1, 1, 0x60, 2, 0x7f, 0x7f, 1, 0x7e),
		section(2, slices.Concat([]byte{1}, text(module), text(name), []byte{0, 0})...),
	)
}

func TestModulesThatAreRefused(t *testing.T) {
	t.Parallel()
	e, err := runtime.NewEngine(runtime.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	for name, c := range map[string]struct {
		module []byte
		says   string // in the refusal
	}{
		"nothing":            {nil, "empty"},
		"a page of HTML":     {[]byte("<!doctype html><title>404</title>"), "HTML"},
		"a text":             {[]byte("Hello, this is no module."), "text"},
		"a gzip archive":     {[]byte("\x1f\x8b\x08\x00\x00"), "gzip"},
		"a program":          {[]byte("\x7fELF\x02\x01"), "Linux"},
		"WebAssembly text":   {[]byte("(module)"), "text"},
		"a component":        {[]byte("\x00asm\x0d\x00\x01\x00"), "component"},
		"another version":    {[]byte("\x00asm\x02\x00\x00\x00"), "version"},
		"half a header":      {[]byte("\x00asm\x01"), "header"},
		"half a section":     {wasm([]byte{1, 100, 1}), "byte"},
		"no exports at all":  {wasm(), "memory"},
		"an unknown import":  {importOf("env", "print"), `"env" "print"`},
		"a near miss":        {importOf("carrel", "task_artifacts"), "task_artifact"},
		"an Extism plug-in":  {importOf("extism:host/env", "input_length"), "Extism"},
		"2^32-1 locals":      {wasm(section(1, 1, 0x60, 0, 0), section(3, 1, 0), section(10, 1, 8, 1, 0xff, 0xff, 0xff, 0xff, 0x0f, 0x7f, 0x0b)), "locals"},
		"2^28 functions":     {wasm(section(3, 0x80, 0x80, 0x80, 0x80, 0x01)), "functions"},
		"a memory of 4 GiB":  {wasm(section(5, 1, 0, 0x80, 0x80, 0x04)), "memory"},
		"two memories":       {wasm(section(5, 2, 0, 1, 0, 1)), "memor"},
		"a table of 2^27":    {wasm(section(4, 1, 0x70, 0, 0x80, 0x80, 0x80, 0x40)), "table"},
		"an unknown section": {wasm(section(99)), "section"},
	} {
		_, err := e.Inspect(t.Context(), "tenant", c.module)
		var refusal *abi.Refusal
		switch {
		case !errors.As(err, &refusal):
			t.Errorf("%s: got %v, want a refusal", name, err)
		case !strings.Contains(refusal.Error(), c.says):
			t.Errorf("%s: %q does not say %q", name, refusal, c.says)
		case refusal.Rule == "" || refusal.Advice == "":
			t.Errorf("%s: %+v lacks its rule or what to do", name, refusal)
		}
	}
}

func FuzzInspect(f *testing.F) {
	e, err := runtime.NewEngine(runtime.Options{})
	if err != nil {
		f.Fatal(err)
	}
	defer e.Close()
	f.Add(wasm())
	f.Add(importOf("carrel", "log"))
	f.Add(wasm(section(3, 0x80, 0x80, 0x80, 0x80, 0x01)))
	f.Fuzz(func(t *testing.T, module []byte) {
		_, err := e.Inspect(t.Context(), "tenant", module)
		var refusal *abi.Refusal
		if err != nil && !errors.As(err, &refusal) {
			t.Errorf("%x: %v", module, err)
		}
	})
}
