package host

import (
	"testing"

	"github.com/carrelhq/carrel/internal/faults"
)

func TestSeededFaultsAreNoticed(t *testing.T) {
	t.Parallel()
	faults.Noticed(t, []faults.Fault{
		{
			"a guest that does not pause is committed as often as the disk is able to", "queue.go",
			"_, _ = q.step() // the next call gets the error", "for more := true; more; more, _ = q.step() {\n\t}", "TestAGuestThatDoesNotPauseIsCommittedAtAPace",
		},
		{
			"what one update does not take is left lying", "queue.go",
			"if q.size -= size; q.size > 0 {", "if q.size -= size; false {", "TestMoreThanOneGroupIsCommittedWithoutAnotherCall",
		},
		{
			"a full group waits for its time", "queue.go",
			"	if q.size >= q.opts.FlushBytes {\n", "	if false {\n", "TestAFullGroupIsCommittedAtOnce",
		},
		{
			"one flush waits for ever", "queue.go",
			"q.armed, q.hurried, q.due = false, false, false", "q.armed, q.hurried = false, false", "TestAGuestThatDoesNotPauseIsCommittedAtAPace",
		},
		{
			"what is queued while others are committed is left lying", "queue.go",
			"q.armed, q.hurried, q.due = false, false, false", "q.hurried, q.due = false, false", "TestAGuestThatDoesNotPauseIsCommittedAtAPace",
		},
	})
}
