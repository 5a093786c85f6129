package task_test

import (
	"testing"
	"testing/synctest"
	"time"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/carrelhq/carrel/task"
)

// TestATimeThatIsShownIsOneToAskFor gives a status time back as
// statusTimestampAfter, which is inclusive: the task must be found, and with the
// next time that can be shown it must not.
func TestATimeThatIsShownIsOneToAskFor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := memoryHouse(t)
		time.Sleep(1_234_567 * time.Nanosecond)
		id := h.send("hi", "ctx").TaskID
		var run *task.Run
		for _, step := range []struct {
			state a2apb.TaskState
			reach func()
		}{
			{submitted, func() {}},
			{working, func() { run = h.claim() }},
			{inputRequired, func() { h.finish(run, task.Result{State: inputRequired}) }},
			{completed, func() { h.reply("more", id); h.finish(h.claim(), task.Result{}) }},
		} {
			step.reach()
			time.Sleep(50_987_654 * time.Nanosecond)
			synctest.Wait() // a run that goes on is marked as working
			got := h.get(id).Status
			if at := got.Timestamp.AsTime(); got.State != step.state || at.Nanosecond()%1e6 != 0 {
				t.Errorf("got %s, %v; want %s at a whole millisecond", got.State, at, step.state)
			}
			h.changedAfter(id, got.Timestamp)
		}
	})
}

// changedAfter looks for the task with the time of its status, and with the next.
func (h *house) changedAfter(id string, shown *timestamppb.Timestamp) {
	h.t.Helper()
	for _, contextID := range []string{"", "ctx"} {
		for after, want := range map[time.Duration]bool{0: true, time.Millisecond: false} {
			since := timestamppb.New(shown.AsTime().Add(after))
			page, err := h.List(h.t.Context(), bot, "", &a2apb.ListTasksRequest{ContextId: contextID, StatusTimestampAfter: since})
			if err != nil {
				h.t.Fatal(err)
			}
			found := false
			for _, listed := range page.Tasks {
				found = found || listed.Id == id
			}
			if found != want {
				h.t.Errorf("%v after its time, in context %q: found %v", after, contextID, found)
			}
		}
	}
}
