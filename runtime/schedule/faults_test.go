package schedule_test

import (
	"testing"

	"github.com/carrelhq/carrel/internal/faults"
)

var mistakes = []faults.Fault{
	{"a slice never ends", "turn.go", "if time.Since(t.began) < t.s.slice {", "if true {", "TestAGuestOfAnIdleTenantWaitsForASliceAtMost"},
	{"tenants are served by chance", "schedule.go", "t.used < first.used ||", "true ||", "TestTenantsShareTheCPUHoweverManyGuestsTheyHave"},
	{"an idle tenant saves up", "schedule.go", "	of.used = max(of.used, s.clock)\n	of.guests++", "	of.guests++", "TestAnIdleTenantDoesNotSaveUp"},
	{"the last comes first", "schedule.go", "	turn := first.queue[0]\n	first.queue = first.queue[1:]", "	turn := first.queue[len(first.queue)-1]\n	first.queue = first.queue[:len(first.queue)-1]", "TestGuestsOfATenantGoInOrder"},
	{"a slot is lost when a context ends", "schedule.go", "		t.Leave()\n		return nil, err\n", "		return nil, err\n", "TestASlotIsNotLostToAContextThatEnds"},
	{"who gives up stays in the queue", "turn.go", "	s.withdraw(t) //", "	//", "TestWhatEndsAWait"},
	{"a paused guest keeps its slot", "turn.go", "	if t.running {\n		s.stop(t)\n	}\n}\n\n// Resume", "}\n\n// Resume", "TestAPausedGuestHasNoSlot"},
	{"a slot is given twice", "schedule.go", "	if next == nil {\n		s.free++", "	s.free++\n	if next == nil {", "TestNeverMoreThanTheSlots"},
}

func TestSeededFaultsAreNoticed(t *testing.T) {
	t.Parallel()
	faults.Noticed(t, mistakes)
}
