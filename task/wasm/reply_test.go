package wasm_test

import (
	"testing"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"

	"github.com/carrelhq/carrel/task"
)

// TestAGuestThatRepliesWithMessages has the example do both.
func TestAGuestThatRepliesWithMessages(t *testing.T) {
	h := serveGuest(t, "../../examples/greeter")
	ask := func(text string) *a2apb.SendMessageResponse {
		t.Helper()
		answer, err := h.SendAndAwait(t.Context(), conformance, task.Once{}, &a2apb.SendMessageRequest{Message: &a2apb.Message{
			MessageId: "m", Role: a2apb.Role_ROLE_USER, Parts: []*a2apb.Part{{Content: &a2apb.Part_Text{Text: text}}},
		}})
		if err != nil {
			t.Fatal(err)
		}
		return answer
	}
	if got := ask("hi"); texts(got.GetMessage().GetParts()) != "Hello! Shall I write a card? Say who it is for." {
		t.Errorf("got %v, want a message", got)
	}
	if got := ask("card for Ada"); outcome(got.GetTask()) != "completed: Dear Ada, all the best!" {
		t.Errorf("got %v, want a task", got)
	}
}
