package server

import (
	"context"
	"net/http"
	"testing"

	"github.com/a2aproject/a2a-go/v2/a2a"
	"github.com/a2aproject/a2a-go/v2/a2aclient"
	"github.com/a2aproject/a2a-go/v2/a2aclient/agentcard"
)

// keyed adds a key to every request.
type keyed struct {
	key  string
	next http.RoundTripper
}

func (k keyed) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+k.key)
	return k.next.RoundTrip(r)
}

// TestTheOfficialClientDrivesTheServer does card, send, stream, get, list,
// cancel, and a second message in the same context.
func TestTheOfficialClientDrivesTheServer(t *testing.T) {
	t.Parallel()
	w := newScripted()
	h := newHouse(t, working(t, w))
	transport := &http.Client{Transport: keyed{h.tokens["acme"], h.client.Transport}}
	card, err := agentcard.NewResolver(transport).Resolve(t.Context(), h.url+"/agents/acme/carded")
	if err != nil {
		t.Fatal(err)
	}
	client, err := a2aclient.NewFromCard(t.Context(), card, a2aclient.WithJSONRPCTransport(transport))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Destroy()
	ctx := context.WithoutCancel(t.Context())

	result, err := client.SendMessage(ctx, clientMessage("count", ""))
	if err != nil {
		t.Fatal(err)
	}
	first := result.(*a2a.Task)
	if got, want := clientText(first.Artifacts), "Your context is 2 messages long."; got != want {
		t.Errorf("send: got %q, want %q", got, want)
	}

	var states []a2a.TaskState
	var answer string
	for event, err := range client.SendStreamingMessage(ctx, clientMessage("count", first.ContextID)) {
		if err != nil {
			t.Fatal(err)
		}
		switch e := event.(type) {
		case *a2a.Task:
			states = append(states, e.Status.State)
		case *a2a.TaskStatusUpdateEvent:
			states = append(states, e.Status.State)
		case *a2a.TaskArtifactUpdateEvent:
			answer += clientText([]*a2a.Artifact{e.Artifact})
		}
	}
	if want := "Your context is 4 messages long."; answer != want {
		t.Errorf("stream: got %q, want %q", answer, want)
	}
	if len(states) != 3 || states[0] != a2a.TaskStateSubmitted || states[2] != a2a.TaskStateCompleted {
		t.Errorf("stream: got states %v", states)
	}

	got, err := client.GetTask(ctx, &a2a.GetTaskRequest{ID: first.ID})
	if err != nil || got.Status.State != a2a.TaskStateCompleted || len(got.History) == 0 {
		t.Errorf("get: got %+v, %v", got, err)
	}
	list, err := client.ListTasks(ctx, &a2a.ListTasksRequest{ContextID: first.ContextID})
	if err != nil || len(list.Tasks) != 2 || list.TotalSize != 2 {
		t.Errorf("list: got %+v, %v; want two", list, err)
	}

	held := clientMessage("hold", "")
	held.Config = &a2a.SendMessageConfig{ReturnImmediately: true}
	if result, err = client.SendMessage(ctx, held); err != nil {
		t.Fatal(err)
	}
	<-w.held
	canceled, err := client.CancelTask(ctx, &a2a.CancelTaskRequest{ID: result.(*a2a.Task).ID})
	if err != nil || canceled.Status.State != a2a.TaskStateCanceled {
		t.Errorf("cancel: got %+v, %v", canceled, err)
	}
	if _, err := client.CancelTask(ctx, &a2a.CancelTaskRequest{ID: first.ID}); err == nil {
		t.Error("cancel of a finished task: got no error")
	}
	for _, err := range client.SubscribeToTask(ctx, &a2a.SubscribeToTaskRequest{ID: first.ID}) {
		if err == nil {
			t.Error("subscribe to a finished task: got an event")
		}
	}
}

func clientMessage(text, contextID string) *a2a.SendMessageRequest {
	m := a2a.NewMessage(a2a.MessageRoleUser, a2a.NewTextPart(text))
	m.ContextID = contextID
	return &a2a.SendMessageRequest{Message: m}
}

func clientText(artifacts []*a2a.Artifact) (out string) {
	for _, a := range artifacts {
		for _, p := range a.Parts {
			out += p.Text()
		}
	}
	return out
}
