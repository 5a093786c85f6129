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
		"a run pays for what came before it", "instance.go",
		"	in.fuelUp()\n", "	in.spent += quantum\n	in.fuel.Set(in.fuel.Get() + quantum)\n", "TestProgramsRunAlike",
	},
	{
		"a new sandbox has the globals of a fresh instance", "snapshot.go",
		"	in.slept = s.slept\n	return in.call(ctx, rewrite.Restore)", "	in.slept = s.slept\n	return nil", "TestProgramsRunAlike",
	},
	{
		"a reply is as long as the guest says", "instance.go",
		"if length > most {", "if false {", "TestHostile)$/^(C1_a_reply_of_4_GiB",
	},
	{
		"what calls pass on the stack is not counted", "rewrite/body.go",
		" + p.results + p.params", "", "TestHostile)$/^(B4_endless_recursion_over_1,000_vectors",
	},
	{
		"tables are not charged", "instance.go",
		" || !in.share.Reserve(o.code.TableBytes)", "", "TestTablesAreCharged",
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
