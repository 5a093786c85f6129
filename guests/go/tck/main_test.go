package main

import (
	"testing"

	"github.com/carrelhq/carrel/guests/go/agent"
	"github.com/carrelhq/carrel/guests/go/agent/agenttest"
)

func TestBehaviours(t *testing.T) {
	host := agenttest.New()
	for _, test := range []struct{ text, state, output string }{
		{"hello", "completed", "You said: hello"},
		{"tck-complete-task 1", "completed", "Hello from TCK"},
		{"tck-message-response", "completed", "Direct message response"},
		{"tck-task-failure", "failed", "tck-task-failure"},
		{"tck-reject-task", "rejected", "rejected"},
		{"tck-input-required", "input_required", "What else?"},
		{"tck-auth-required", "auth_required", "Who are you?"},
		{"tck-artifact-text", "completed", "Generated text content"},
		{"tck-stream-basic", "completed", "Streamed content"},
		{"tck-stream-artifact-chunked", "completed", "chunk-1 chunk-2 chunk-3"},
	} {
		got, err := host.Send(test.text)
		if err != nil || got.State != test.state || got.Message+got.Output != test.output {
			t.Errorf("%s: got %+v, %v; want %s, %q", test.text, got, err, test.state, test.output)
		}
	}
}

func TestAConversationEndsWhenItIsTold(t *testing.T) {
	host := agenttest.New()
	for _, test := range []struct{ text, state string }{
		{"tck-multi-turn", "input_required"}, {"and more", "input_required"}, {"Done.", "completed"},
	} {
		if got, err := host.Send(test.text); err != nil || got.State != test.state {
			t.Errorf("%s: got %+v, %v; want %s", test.text, got, err, test.state)
		}
	}
}

func TestAQuestionThatIsAnsweredIsNotAskedAgain(t *testing.T) {
	host := agenttest.New()
	for _, test := range []struct{ text, state string }{{"tck-input-required", "input_required"}, {"here you are", "completed"}} {
		if got, err := host.Send(test.text); err != nil || got.State != test.state {
			t.Errorf("%s: got %+v, %v; want %s", test.text, got, err, test.state)
		}
	}
}

func TestABehaviourIsNamedByTheIDOrTheText(t *testing.T) {
	for _, m := range []agent.Message{
		{MessageID: "tck-reject-task-1", Parts: []agent.Part{agent.Text("hello")}},
		{MessageID: "1", Parts: []agent.Part{agent.Text(" tck-reject-task")}},
	} {
		if asked(m) == nil {
			t.Errorf("%+v names nothing", m)
		}
	}
	if asked(agent.Message{MessageID: "a-tck-reject-task", Parts: []agent.Part{agent.Text("no tck-reject-task")}}) != nil {
		t.Error("what stands in the middle names something")
	}
}
