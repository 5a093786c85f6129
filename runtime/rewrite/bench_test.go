package rewrite_test

import (
	"os"
	"testing"

	"github.com/carrelhq/carrel/runtime/rewrite"
	"github.com/carrelhq/carrel/runtime/wasm"
)

func BenchmarkRewrite(b *testing.B) {
	data, err := os.ReadFile(os.Getenv("WASM"))
	if err != nil {
		b.Skip(err)
	}
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		m, err := wasm.Parse(data)
		if err != nil {
			b.Fatal(err)
		}
		out, err := rewrite.Rewrite(m, rewrite.Options{})
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(len(out.Module))/float64(len(data)), "growth")
	}
}
