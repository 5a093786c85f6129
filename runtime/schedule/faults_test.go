package schedule_test

import (
	"testing"

	"github.com/carrelhq/carrel/internal/faults"
)

var mistakes = []faults.Fault{
	{"a slice never ends", "turn.go", "	if t.Due() {", "	if false {", "TestAGuestOfAnIdleTenantWaitsForASliceAtMost"},
	{"tenants are served by chance", "schedule.go", "t.used < first.used ||", "true ||", "TestTenantsShareTheCPUHoweverManyGuestsTheyHave"},
	{"who comes anew is always first", "schedule.go", "	t.of.used = max(t.of.used, s.clock)\n", "", "TestWhoWasIdleHasNoMoreThanASliceAtOnce"},
	{"a CPU that nobody wanted is held against who used it", "schedule.go", "	s.clock = max(s.clock, t.of.used)\n}", "}", "TestWhatNobodyElseWantedIsNotADebt"},
	{"a long run saves up what others had meanwhile", "schedule.go", "max(t.of.used+s.now()-t.began, s.clock-s.credit)", "t.of.used + s.now() - t.began", "TestALongRunDoesNotSaveUp"},
	{"a guest that waited for its turn has no credit", "schedule.go", "s.clock-s.credit", "s.clock", "TestTenantsShareSeveralSlots"},
	{"nobody is charged", "schedule.go", "t.of.used+s.now()-t.began", "t.of.used", "TestTenantsShareTheCPUHoweverManyGuestsTheyHave"},
	{"a slot is given on by who has none", "turn.go", "	if !t.running {\n		s.mu.Unlock()", "	if false {\n		s.mu.Unlock()", "TestAPausedGuestHasNoSlot"},
	{"a run that is over takes a slot", "schedule.go", "	if ctx.Err() != nil {\n		return nil, context.Cause(ctx)\n	}\n", "", "TestWhatEndsAWait"},
	{"the last comes first", "schedule.go", "	turn := first.queue[0]\n	s.remove(turn, 0)", "	turn := first.queue[len(first.queue)-1]\n	s.remove(turn, len(first.queue)-1)", "TestGuestsOfATenantGoInOrder"},
	{"a slot is lost when a context ends", "schedule.go", "		t.Leave()\n		return nil, err\n", "		return nil, err\n", "TestASlotIsNotLostToAContextThatEnds"},
	{"who gives up stays in the queue", "turn.go", "	s.withdraw(t) //", "	//", "TestWhatEndsAWait"},
	{"a paused guest keeps its slot", "turn.go", "	if t.running {\n		t.had +=", "	if false {\n		t.had +=", "TestAPausedGuestHasNoSlot"},
	{"a wait costs a guest its place", "turn.go", "t.early = t.had < s.slice; !t.early", "t.early = false; !t.early", "TestAShortWaitKeepsThePlace"},
	{"who waits often starves its tenant", "turn.go", "t.early = t.had < s.slice; !t.early", "t.early = true; !t.early", "TestWhoWaitsOftenGetsNoMoreThanASliceForIt"},
	{"a debt goes with the last guest", "schedule.go", "of.guests == 0 && of.calm != s.calm", "of.guests == 0", "TestADebtIsKeptWhileOthersWait"},
	{"a debt is kept though nobody waited", "schedule.go", "		s.calm++\n", "", "TestADebtIsForgottenWhenNobodyWaits"},
	{"tenants are never forgotten", "schedule.go", "		s.forget()\n", "", "TestTenantsWithoutGuestsAreForgotten"},
	{"a slot is given twice", "schedule.go", "	if next == nil {\n		s.free++", "	s.free++\n	if next == nil {", "TestNeverMoreThanTheSlots"},
}

func TestSeededFaultsAreNoticed(t *testing.T) {
	t.Parallel()
	faults.Noticed(t, mistakes)
}
