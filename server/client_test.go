package server

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/a2aproject/a2a-go/v2/a2a"
	"github.com/a2aproject/a2a-go/v2/a2aclient"
	"github.com/a2aproject/a2a-go/v2/a2aclient/agentcard"
	a2agrpc "github.com/a2aproject/a2a-go/v2/a2agrpc/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/carrelhq/carrel/task"
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

// GetRequestMetadata adds the key to a gRPC call.
func (k keyed) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{"authorization": "Bearer " + k.key}, nil
}

// RequireTransportSecurity is false, for tests.
func (keyed) RequireTransportSecurity() bool { return false }

// TestTheOfficialClientDrivesTheServer does card, send, stream, get, list,
// cancel, and a second message in the same context.
func TestTheOfficialClientDrivesTheServer(t *testing.T) {
	t.Parallel()
	for _, binding := range []a2a.TransportProtocol{a2a.TransportProtocolJSONRPC, a2a.TransportProtocolHTTPJSON, a2a.TransportProtocolGRPC} {
		t.Run(string(binding), func(t *testing.T) {
			t.Parallel()
			w := newScripted()
			h := newGRPCHouse(t, workingWith(t, w, task.Options{Push: pushing}))
			drive(t, w, h.official("/agents/acme/carded", "acme", binding))
		})
	}
}

// official is the official client, led by the card of an agent to one binding of it.
func (h *house) official(path, who string, binding a2a.TransportProtocol) *a2aclient.Client {
	h.t.Helper()
	transport := &http.Client{Transport: keyed{h.tokens[who], h.client.Transport}}
	card, err := agentcard.NewResolver(transport).Resolve(h.t.Context(), h.url+path)
	if err != nil {
		h.t.Fatal(err)
	}
	client, err := a2aclient.NewFromCard(h.t.Context(), card,
		a2aclient.WithConfig(a2aclient.Config{PreferredTransports: []a2a.TransportProtocol{binding}}),
		a2aclient.WithJSONRPCTransport(transport), a2aclient.WithRESTTransport(transport),
		a2agrpc.WithGRPCTransport(grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithPerRPCCredentials(keyed{key: h.tokens[who]})))
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { client.Destroy() })
	return client
}

func drive(t *testing.T, w *scripted, client *a2aclient.Client) {
	t.Helper()
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
	now := time.Now().Add(-time.Hour)
	list, err := client.ListTasks(ctx, &a2a.ListTasksRequest{ContextID: first.ContextID, StatusTimestampAfter: &now})
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
		t.Fatalf("cancel: got %+v, %v", canceled, err)
	}
	if _, err := client.CancelTask(ctx, &a2a.CancelTaskRequest{ID: first.ID}); err == nil {
		t.Error("cancel of a finished task: got no error")
	}
	for _, err := range client.SubscribeToTask(ctx, &a2a.SubscribeToTaskRequest{ID: first.ID}) {
		if !errors.Is(err, a2a.ErrUnsupportedOperation) {
			t.Errorf("subscribe to a finished task: got %v", err)
		}
	}
	if _, err := client.GetTask(ctx, &a2a.GetTaskRequest{ID: "nothing"}); !errors.Is(err, a2a.ErrTaskNotFound) {
		t.Errorf("get of no task: got %v", err)
	}
	driveFurther(t, w, client)
}

// driveFurther does a second turn of a task, a subscription and push configs.
func driveFurther(t *testing.T, w *scripted, client *a2aclient.Client) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	result, err := client.SendMessage(ctx, clientMessage("ask", ""))
	if err != nil || result.(*a2a.Task).Status.State != a2a.TaskStateInputRequired {
		t.Fatalf("ask: got %+v, %v", result, err)
	}
	id := result.TaskInfo().TaskID
	config, err := client.CreateTaskPushConfig(ctx, &a2a.PushConfig{TaskID: id, URL: "https://hooks.example.com/a2a", Token: "t"})
	if err != nil || config.ID == "" || config.TaskID != id {
		t.Fatalf("create push config: got %+v, %v", config, err)
	}
	if got, err := client.GetTaskPushConfig(ctx, &a2a.GetTaskPushConfigRequest{TaskID: id, ID: config.ID}); err != nil || got.URL != config.URL {
		t.Errorf("get push config: got %+v, %v", got, err)
	}
	if all, err := client.ListTaskPushConfigs(ctx, &a2a.ListTaskPushConfigRequest{TaskID: id}); err != nil || len(all) != 1 {
		t.Errorf("list push configs: got %+v, %v", all, err)
	}
	if err := client.DeleteTaskPushConfig(ctx, &a2a.DeleteTaskPushConfigRequest{TaskID: id, ID: config.ID}); err != nil {
		t.Errorf("delete push config: %v", err)
	}
	var states []a2a.TaskState
	for event, err := range client.SubscribeToTask(ctx, &a2a.SubscribeToTaskRequest{ID: id}) {
		if err != nil {
			t.Fatal(err)
		}
		switch e := event.(type) {
		case *a2a.Task:
			states = append(states, e.Status.State)
			next := clientMessage("hold", "")
			next.Message.TaskID = id
			next.Config = &a2a.SendMessageConfig{ReturnImmediately: true}
			if _, err := client.SendMessage(ctx, next); err != nil {
				t.Fatal(err)
			}
			<-w.held
			w.release <- struct{}{}
		case *a2a.TaskStatusUpdateEvent:
			states = append(states, e.Status.State)
		}
	}
	want := []a2a.TaskState{a2a.TaskStateInputRequired, a2a.TaskStateWorking, a2a.TaskStateCompleted}
	if !slices.Equal(states, want) {
		t.Errorf("subscribe: got states %v, want %v", states, want)
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
