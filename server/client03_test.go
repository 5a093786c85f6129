package server

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"testing"

	old "github.com/a2aproject/a2a-go/a2a"
	oldclient "github.com/a2aproject/a2a-go/a2aclient"
	oldcard "github.com/a2aproject/a2a-go/a2aclient/agentcard"
	"github.com/a2aproject/a2a-go/v2/a2a"
	"github.com/a2aproject/a2a-go/v2/a2aclient"
	"github.com/a2aproject/a2a-go/v2/a2aclient/agentcard"
	"github.com/a2aproject/a2a-go/v2/a2acompat/a2av0"

	"github.com/carrelhq/carrel/task"
)

// newPushHouse is a house whose agents do what w does, with webhooks.
func newPushHouse(t *testing.T, w *scripted) *house {
	return newHouse(t, workingWith(t, w, task.Options{Push: pushing}))
}

// TestTheOfficialClientOf03DrivesTheServer drives it by the client that was
// official when 0.3 was new.
func TestTheOfficialClientOf03DrivesTheServer(t *testing.T) {
	t.Parallel()
	w := newScripted()
	h := newPushHouse(t, w)
	ctx := context.WithoutCancel(t.Context())
	transport := &http.Client{Transport: keyed{h.tokens["acme"], h.client.Transport}}
	card, err := oldcard.NewResolver(transport).Resolve(ctx, h.url+"/agents/acme/carded")
	if err != nil {
		t.Fatal(err)
	}
	client, err := oldclient.NewFromCard(ctx, card, oldclient.WithJSONRPCTransport(transport))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Destroy()

	result, err := client.SendMessage(ctx, oldMessage("echo hello"))
	if err != nil {
		t.Fatal(err)
	}
	first, ok := result.(*old.Task)
	if !ok || first.Status.State != old.TaskStateCompleted || len(first.Artifacts) != 1 {
		t.Fatalf("send: got %+v", result)
	}
	if part, ok := first.Artifacts[0].Parts[0].(old.TextPart); !ok || part.Text != "hello" {
		t.Errorf("send: got the part %#v", first.Artifacts[0].Parts[0])
	}
	var states []old.TaskState
	final := false
	for event, err := range client.SendStreamingMessage(ctx, oldMessage("chunks 2")) {
		if err != nil {
			t.Fatal(err)
		}
		switch e := event.(type) {
		case *old.Task:
			states = append(states, e.Status.State)
		case *old.TaskStatusUpdateEvent:
			states, final = append(states, e.Status.State), e.Final
		}
	}
	if want := []old.TaskState{old.TaskStateSubmitted, old.TaskStateWorking, old.TaskStateCompleted}; !slices.Equal(states, want) || !final {
		t.Errorf("stream: got %v, final %t, want %v", states, final, want)
	}
	for event, err := range client.ResubscribeToTask(ctx, &old.TaskIDParams{ID: first.ID}) {
		if shown, ok := event.(*old.Task); err != nil || !ok || shown.Status.State != old.TaskStateCompleted {
			t.Errorf("resubscribe: got %+v, %v", event, err)
		}
	}
	if got, err := client.GetTask(ctx, &old.TaskQueryParams{ID: first.ID}); err != nil || len(got.History) != 1 {
		t.Errorf("get: got %+v, %v", got, err)
	}
	if _, err := client.GetTask(ctx, &old.TaskQueryParams{ID: "nothing"}); !errors.Is(err, old.ErrTaskNotFound) {
		t.Errorf("get of no task: got %v", err)
	}
	if _, err := client.CancelTask(ctx, &old.TaskIDParams{ID: first.ID}); !errors.Is(err, old.ErrTaskNotCancelable) {
		t.Errorf("cancel of a finished task: got %v", err)
	}
	oldPush(t, client)
}

// oldPush asks for input, and registers, reads, lists and deletes a webhook.
func oldPush(t *testing.T, client *oldclient.Client) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	result, err := client.SendMessage(ctx, oldMessage("ask"))
	if err != nil {
		t.Fatal(err)
	}
	waits := result.(*old.Task)
	config, err := client.SetTaskPushConfig(ctx, &old.TaskPushConfig{TaskID: waits.ID, Config: old.PushConfig{URL: "https://hooks.example.com/a2a", Token: "t"}})
	if err != nil || config.Config.ID == "" || config.TaskID != waits.ID {
		t.Fatalf("set push config: got %+v, %v", config, err)
	}
	if got, err := client.GetTaskPushConfig(ctx, &old.GetTaskPushConfigParams{TaskID: waits.ID, ConfigID: config.Config.ID}); err != nil || got.Config.URL != config.Config.URL {
		t.Errorf("get push config: got %+v, %v", got, err)
	}
	if all, err := client.ListTaskPushConfig(ctx, &old.ListTaskPushConfigParams{TaskID: waits.ID}); err != nil || len(all) != 1 {
		t.Errorf("list push configs: got %+v, %v", all, err)
	}
	if err := client.DeleteTaskPushConfig(ctx, &old.DeleteTaskPushConfigParams{TaskID: waits.ID, ConfigID: config.Config.ID}); err != nil {
		t.Errorf("delete push config: %v", err)
	}
	if canceled, err := client.CancelTask(ctx, &old.TaskIDParams{ID: waits.ID}); err != nil || canceled.Status.State != old.TaskStateCanceled {
		t.Errorf("cancel: got %+v, %v", canceled, err)
	}
}

func oldMessage(text string) *old.MessageSendParams {
	return &old.MessageSendParams{Message: old.NewMessage(old.MessageRoleUser, old.TextPart{Text: text})}
}

// TestTheOfficialClientDrivesTheServerIn03 drives both bindings by the client of
// today, which has read the card as one of 0.3.
func TestTheOfficialClientDrivesTheServerIn03(t *testing.T) {
	t.Parallel()
	for _, binding := range []a2a.TransportProtocol{a2a.TransportProtocolJSONRPC, a2a.TransportProtocolHTTPJSON} {
		t.Run(string(binding), func(t *testing.T) {
			t.Parallel()
			w := newScripted()
			drive03(t, w, newPushHouse(t, w).officialIn03("/agents/acme/carded", "acme", binding))
		})
	}
}

func (h *house) officialIn03(path, who string, binding a2a.TransportProtocol) *a2aclient.Client {
	h.t.Helper()
	transport := &http.Client{Transport: keyed{h.tokens[who], h.client.Transport}}
	resolver := agentcard.Resolver{Client: transport, CardParser: a2av0.NewAgentCardParser()}
	card, err := resolver.Resolve(h.t.Context(), h.url+path)
	if err != nil {
		h.t.Fatal(err)
	}
	card.SupportedInterfaces = slices.DeleteFunc(card.SupportedInterfaces, func(i *a2a.AgentInterface) bool {
		return i.ProtocolVersion != a2av0.Version
	})
	client, err := a2aclient.NewFromCard(h.t.Context(), card,
		a2aclient.WithDefaultsDisabled(),
		a2aclient.WithConfig(a2aclient.Config{PreferredTransports: []a2a.TransportProtocol{binding}}),
		a2av0.WithJSONRPCTransport(a2av0.JSONRPCTransportConfig{Client: transport}),
		a2av0.WithRESTTransport(a2av0.RESTTransportConfig{Client: transport}))
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { client.Destroy() })
	return client
}

func drive03(t *testing.T, w *scripted, client *a2aclient.Client) {
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
	for event, err := range client.SendStreamingMessage(ctx, clientMessage("count", first.ContextID)) {
		if err != nil {
			t.Fatal(err)
		}
		switch e := event.(type) {
		case *a2a.Task:
			states = append(states, e.Status.State)
		case *a2a.TaskStatusUpdateEvent:
			states = append(states, e.Status.State)
		}
	}
	if want := []a2a.TaskState{a2a.TaskStateSubmitted, a2a.TaskStateWorking, a2a.TaskStateCompleted}; !slices.Equal(states, want) {
		t.Errorf("stream: got %v, want %v", states, want)
	}
	if got, err := client.GetTask(ctx, &a2a.GetTaskRequest{ID: first.ID}); err != nil || got.Status.State != a2a.TaskStateCompleted || len(got.History) == 0 {
		t.Errorf("get: got %+v, %v", got, err)
	}
	for event, err := range client.SubscribeToTask(ctx, &a2a.SubscribeToTaskRequest{ID: first.ID}) {
		if shown, ok := event.(*a2a.Task); err != nil || !ok || shown.Status.State != a2a.TaskStateCompleted {
			t.Errorf("subscribe to a finished task: got %+v, %v", event, err)
		}
	}
	if _, err := client.CancelTask(ctx, &a2a.CancelTaskRequest{ID: first.ID}); !errors.Is(err, a2a.ErrTaskNotCancelable) {
		t.Errorf("cancel of a finished task: got %v", err)
	}
	if _, err := client.GetTask(ctx, &a2a.GetTaskRequest{ID: "nothing"}); !errors.Is(err, a2a.ErrTaskNotFound) {
		t.Errorf("get of no task: got %v", err)
	}
	held := clientMessage("hold", "")
	held.Config = &a2a.SendMessageConfig{ReturnImmediately: true}
	if result, err = client.SendMessage(ctx, held); err != nil {
		t.Fatal(err)
	}
	<-w.held
	if canceled, err := client.CancelTask(ctx, &a2a.CancelTaskRequest{ID: result.(*a2a.Task).ID}); err != nil || canceled.Status.State != a2a.TaskStateCanceled {
		t.Fatalf("cancel: got %+v, %v", canceled, err)
	}
	drivePush03(t, client)
}

// drivePush03 asks for input, and registers, reads, lists and deletes a webhook.
func drivePush03(t *testing.T, client *a2aclient.Client) {
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
}
