package main

import (
	"os"
	"path/filepath"
	"testing"
)

// FuzzConfigFile has a file that is anything: it is a configuration, or refused by
// its name.
func FuzzConfigFile(f *testing.F) {
	for _, text := range []string{"addr: 127.0.0.1:1\n", "data: [1, 2]\n", "a: &a [*a]\n", "\x00", "max_streams: 1e9\n", "- a\n"} {
		f.Add([]byte(text))
	}
	file := filepath.Join(f.TempDir(), "carrel.yaml")
	f.Fuzz(func(t *testing.T, text []byte) {
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
		flags := newServeCommand(program{}).Flags()
		if sources, err := (program{env: nil}).load(flags, file); err == nil && len(sources) == 0 {
			t.Errorf("%q sets nothing at all", text)
		}
	})
}
