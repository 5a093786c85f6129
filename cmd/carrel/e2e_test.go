package main

import (
	"context"
	"os/exec"
	"strings"
	"testing"

	"github.com/a2aproject/a2a-go/v2/a2a"
	"github.com/a2aproject/a2a-go/v2/a2aclient"
	"github.com/a2aproject/a2a-go/v2/a2aclient/agentcard"
)

// TestTheOfficialClientTalksToAnUploadedAgent drives the program with the
// official Go client: card, send, stream, get, list, cancel, and a second
// message in the same context.
func TestTheOfficialClientTalksToAnUploadedAgent(t *testing.T) {
	dir, addr := t.TempDir(), freeAddr(t)
	binary := buildBinary(t, dir)
	startServer(t, binary, addr, "--dev", "--data", dir+"/data")
	mustRun(t, exec.Command(binary, "push", buildAgent(t, dir, "examples/counter"), "--agent", "counter", "--server", "http://"+addr))
	mustRun(t, exec.Command(binary, "push", buildAgent(t, dir, "guests/go/conformance"), "--agent", "conformance", "--server", "http://"+addr))
	counter := dial(t, "http://"+addr+"/agents/default/counter")

	first := counter.send("hello")
	if got := answer(first); got != "Your context is 2 messages long." {
		t.Errorf("first message: got %q", got)
	}
	states, text := counter.stream("hello again", first.ContextID)
	if text != "Your context is 4 messages long." || states[len(states)-1] != a2a.TaskStateCompleted {
		t.Errorf("second message, streamed: got %q in states %v", text, states)
	}
	got, err := counter.client.GetTask(t.Context(), &a2a.GetTaskRequest{ID: first.ID})
	if err != nil || answer(got) != answer(first) || len(got.History) == 0 {
		t.Errorf("get: got %+v, %v", got, err)
	}
	list, err := counter.client.ListTasks(t.Context(), &a2a.ListTasksRequest{ContextID: first.ContextID})
	if err != nil || len(list.Tasks) != 2 || list.TotalSize != 2 {
		t.Errorf("list: got %+v, %v; want both tasks of the context", list, err)
	}
	if _, err := counter.client.CancelTask(t.Context(), &a2a.CancelTaskRequest{ID: first.ID}); err == nil {
		t.Error("cancel of a finished task: got no error")
	}

	conformance := dial(t, "http://"+addr+"/agents/default/conformance")
	waiting := conformance.send("input")
	if waiting.Status.State != a2a.TaskStateInputRequired {
		t.Fatalf("a task that asks: got state %s, want input required", waiting.Status.State)
	}
	canceled, err := conformance.client.CancelTask(t.Context(), &a2a.CancelTaskRequest{ID: waiting.ID})
	if err != nil || canceled.Status.State != a2a.TaskStateCanceled {
		t.Errorf("cancel: got %+v, %v", canceled, err)
	}
}

// officialClient is the official client bound to one agent by its card.
type officialClient struct {
	t      *testing.T
	client *a2aclient.Client
}

func dial(t *testing.T, base string) officialClient {
	t.Helper()
	card, err := agentcard.DefaultResolver.Resolve(t.Context(), base)
	if err != nil {
		t.Fatalf("card: %v", err)
	}
	client, err := a2aclient.NewFromCard(t.Context(), card)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Destroy() })
	return officialClient{t, client}
}

func (c officialClient) send(text string) *a2a.Task {
	c.t.Helper()
	result, err := c.client.SendMessage(c.t.Context(), userMessage(text, ""))
	if err != nil {
		c.t.Fatalf("send %q: %v", text, err)
	}
	task, ok := result.(*a2a.Task)
	if !ok {
		c.t.Fatalf("send %q: got a %T, want a task", text, result)
	}
	return task
}

// stream sends a message and returns the states the stream went through and the text it carried.
func (c officialClient) stream(text, contextID string) (states []a2a.TaskState, out string) {
	c.t.Helper()
	for event, err := range c.client.SendStreamingMessage(context.WithoutCancel(c.t.Context()), userMessage(text, contextID)) {
		if err != nil {
			c.t.Fatalf("stream %q: %v", text, err)
		}
		switch e := event.(type) {
		case *a2a.Task:
			states = append(states, e.Status.State)
		case *a2a.TaskStatusUpdateEvent:
			states = append(states, e.Status.State)
		case *a2a.TaskArtifactUpdateEvent:
			out += partsText(e.Artifact.Parts)
		}
	}
	return states, out
}

func userMessage(text, contextID string) *a2a.SendMessageRequest {
	message := a2a.NewMessage(a2a.MessageRoleUser, a2a.NewTextPart(text))
	message.ContextID = contextID
	return &a2a.SendMessageRequest{Message: message}
}

func answer(task *a2a.Task) string {
	var out strings.Builder
	for _, artifact := range task.Artifacts {
		out.WriteString(partsText(artifact.Parts))
	}
	return out.String()
}

func partsText(parts a2a.ContentParts) string {
	var out strings.Builder
	for _, p := range parts {
		out.WriteString(p.Text())
	}
	return out.String()
}
