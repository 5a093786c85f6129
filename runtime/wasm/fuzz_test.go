package wasm

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/carrelhq/carrel/abi"
)

// FuzzParse holds that whatever the bytes, the answer is a module whose code can
// be gone through again, or a refusal that says what to do.
func FuzzParse(f *testing.F) {
	f.Add(moduleOf())
	f.Add(moduleOf(aType, aFunction, section(SectionCode, []byte{1, 9, 0, byte(OpBlock), 0x40, byte(OpBrTable), 1, 0, 1, byte(OpEnd), byte(OpEnd)})))
	f.Add(moduleOf(aType, aMemory, section(SectionData, []byte{1, 0, byte(OpI32Const), 0, byte(OpEnd), 1, 'x'})))
	hostile, err := filepath.Glob("../testdata/hostile/*.wasm")
	if err != nil || len(hostile) == 0 {
		f.Fatalf("the hostile modules are not there: %v", err)
	}
	for _, path := range hostile {
		module, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(module)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := Parse(data)
		var refusal *abi.Refusal
		switch {
		case err == nil:
		case !errors.As(err, &refusal):
			t.Fatalf("%v is no refusal", err)
		case refusal.Rule == "" || refusal.Advice == "" || !slices.ContainsFunc(rules, func(r *abi.Rule) bool { return r.Name == refusal.Rule }):
			t.Fatalf("%+v is of no rule that is listed", refusal)
		default:
			return
		}
		for _, b := range m.Code {
			count := 0
			it := b.Instructions()
			for it.Next() {
				count++
			}
			if count != b.Count || it.End != len(b.Code) {
				t.Fatalf("%d instructions, %d before; ends at %d of %d", count, b.Count, it.End, len(b.Code))
			}
		}
	})
}
