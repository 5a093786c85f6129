package runtime_test

import (
	"errors"
	"slices"
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
