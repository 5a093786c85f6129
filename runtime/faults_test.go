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
		"if in.dirty.Get() != 0 {", "if false {", "TestNothingOfARunIsLeftForTheNext",
	},
	{
		"every run has the same seed", "sandbox.go",
		"	in.session.Random(seed[:])\n", "	seed[0] = 1\n", "TestEveryRunHasASeedOfItsOwn",
	},
	{
		"a sandbox is used again however its run ended", "take.go",
		"if well && state != nil", "if state != nil", "TestNothingOfARunIsLeftForTheNext",
	},
	{
		"a run pays for what came before it", "instance.go",
		"	in.fuelUp()\n", "	in.spent += quantum\n	in.fuel.Set(in.fuel.Get() + quantum)\n", "TestProgramsRunAlike",
	},
	{
		"host calls do not look up", "binding.go",
		"		in.enter(ctx)\n", "		in.mayGoOn(ctx)\n", "TestAGuestThatCallsTheHostGivesWay",
	},
	{
		"a new sandbox has the globals of a fresh instance", "snapshot.go",
		"	in.slept = s.slept\n	return in.call(ctx, rewrite.Restore)", "	in.slept = s.slept\n	return nil", "TestProgramsRunAlike",
	},
	{
		"what a run needs is not granted before it", "admit.go",
		"Take(ctx, tenant, need)", "Take(ctx, tenant, 0)", "TestSandboxesWaitForMemory",
	},
	{
		"an idle instance that a run cannot have is not given up for who waits", "admit.go",
		"		m.keep(in)\n", "		m.pool.put(in)\n", "TestWhoWaitsGetsWhatIsPutBackIdle",
	},
	{
		"what a run was refused is forgotten", "admit.go",
		"if known >= more || m", "if m.wanted.Load() == 0 || m", "TestWhatARunWasRefusedTheNextOneHas",
	},
	{
		"what an instance had is charged when it is gone", "instance.go",
		"	defer in.share.end()\n", "", "TestNothingIsChargedForWhatIsGone",
	},
	{
		"nobody is told that a module is free", "modules.go",
		"	if e.loaded.Short() {", "	if false {", "TestAModuleInUseIsWaitedFor",
	},
	{
		"an upload pays for another tenant's", "module.go",
		"if began || !errors.Is(m.err, compile.ErrBusy) {", "if began || !errors.Is(m.err, compile.ErrTime) {", "TestWhoJoinsALoadTakesItsOwnTurn",
	},
	{
		"a reply is as long as the guest says", "instance.go",
		"if length > most {", "if false {", "TestHostile)$/^(C1_a_reply_of_4_GiB",
	},
	{
		"what calls pass on the stack is not counted", "rewrite/frame.go",
		" + p.results + p.params", "", "TestHostile)$/^(B4_endless_recursion_over_1,000_vectors",
	},
	{
		"tables and segments are not charged", "instance.go",
		"in.share.Reserve(in.of.outline.code.InstanceBytes)", "in.share.Reserve(0)", "TestWhatIsBesideMemoryIsCharged",
	},
	{
		"a deep stack stays with an idle sandbox", "stack.go",
		"	clear(in.functions)\n", "", "TestADeepStackIsChargedAndGivenBack",
	},
}

func TestSeededFaultsAreNoticed(t *testing.T) {
	t.Parallel()
	faults.Noticed(t, mistakes)
}
