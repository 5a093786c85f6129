package task_test

import (
	"errors"
	"testing"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"

	"github.com/carrelhq/carrel/abi"
	"github.com/carrelhq/carrel/agent"
	"github.com/carrelhq/carrel/task"
)

// TestReferencesThatAreWrongAreNamed holds that of tasks that a message refers to
// those are named that are not there, and that nothing tells them from others'.
func TestReferencesThatAreWrongAreNamed(t *testing.T) {
	t.Parallel()
	h := memoryHouse(t)
	if _, err := h.agents.Declare(t.Context(), "beta", "bot", abi.Description{}, agent.PushOptions{}); err != nil {
		t.Fatal(err)
	}
	sent := func(ref task.Ref) string {
		a, err := h.Send(t.Context(), ref, &a2apb.SendMessageRequest{Message: message("hi")})
		if err != nil {
			t.Fatal(err)
		}
		return a.TaskID
	}
	open := h.send("ask", "")
	own, others, anothers := sent(bot), sent(task.Ref{Tenant: "acme", Agent: "other"}), sent(task.Ref{Tenant: "beta", Agent: "bot"})
	for _, to := range []string{"", open.TaskID} {
		msg := message("about them")
		msg.TaskId, msg.ReferenceTaskIds = to, []string{others, own, anothers, "nope"}
		_, err := h.Send(t.Context(), bot, &a2apb.SendMessageRequest{Message: msg})
		if !errors.Is(err, task.ErrTaskNotFound) || errors.Is(err, task.ErrInvalidParams) {
			t.Fatalf("got %v, want ErrTaskNotFound alone", err)
		}
		got, want := task.Fields(err), []string{"[0]", "[2]", "[3]"}
		if len(got) != len(want) {
			t.Fatalf("got %v, want %v", got, want)
		}
		for i, f := range got {
			if f.Field != "message.referenceTaskIds"+want[i] || f.Problem != got[0].Problem {
				t.Errorf("got %v, want %s", f, want[i])
			}
		}
		msg.ReferenceTaskIds = []string{own}
		h.sendMessage(msg)
	}
}
