package runtime

import (
	"testing"

	"github.com/carrelhq/carrel/internal/faults"
)

var mistakes = []faults.Fault{
	{
		"memory is not put back", "snapshot.go",
		"pages, err := in.memory.Reset()", "pages, err := 0, error(nil)", "TestNothingOfARunIsLeftForTheNext",
	},
	{
		"globals are not put back", "snapshot.go",
		"	if err := in.call(context.Background(), rewrite.Restore); err != nil {\n		return false\n	}\n", "", "TestNothingOfARunIsLeftForTheNext",
	},
	{
		"a table that was changed is forgotten", "snapshot.go",
		"if in.dirty.Get() != 0 || in.memory.Grew() {", "if in.memory.Grew() {", "TestNothingOfARunIsLeftForTheNext",
	},
	{
		"a sandbox is used again however its run ended", "pool.go",
		"if well && state != nil", "if state != nil", "TestNothingOfARunIsLeftForTheNext",
	},
	{
		"memory that others have is promised", "account.go",
		"	if a.used.Add(int64(bytes)) <= a.most {", "	if a.used.Add(int64(bytes)) <= 2*a.most {", "TestSandboxesWaitForMemory",
	},
}

func TestSeededFaultsAreNoticed(t *testing.T) {
	t.Parallel()
	faults.Noticed(t, mistakes)
}
