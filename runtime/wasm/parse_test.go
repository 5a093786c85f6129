package wasm_test

import (
	"os"
	"testing"

	"github.com/carrelhq/carrel/runtime/wasm"
)

func BenchmarkParse(b *testing.B) {
	data, err := os.ReadFile(os.Getenv("WASM"))
	if err != nil {
		b.Skip(err)
	}
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		if _, err := wasm.Parse(data); err != nil {
			b.Fatal(err)
		}
	}
}
