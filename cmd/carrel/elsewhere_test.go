package main

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/a2aproject/a2a-go/v2/a2a"
	"github.com/a2aproject/a2a-go/v2/a2acompat/a2av0"
	a2agrpc0 "github.com/a2aproject/a2a-go/v2/a2agrpc/v0"
	a2agrpc "github.com/a2aproject/a2a-go/v2/a2agrpc/v1"
	"github.com/a2aproject/a2a-go/v2/a2asrv"
	"github.com/a2aproject/a2a-go/v2/a2asrv/taskstore"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// elsewhereAgent is an agent of the official server: it answers "hold" by asking
// for input, and echoes everything else in two pieces.
type elsewhereAgent struct{}

func (elsewhereAgent) Execute(_ context.Context, in *a2asrv.ExecutorContext) iter.Seq2[a2a.Event, error] {
	text := textOf(in.Message.Parts)
	first := a2a.NewArtifactEvent(in, a2a.NewTextPart("you said "))
	events := []a2a.Event{
		a2a.NewSubmittedTask(in, in.Message), a2a.NewStatusUpdateEvent(in, a2a.TaskStateWorking, nil),
		first, a2a.NewArtifactUpdateEvent(in, first.Artifact.ID, a2a.NewTextPart(text)),
		a2a.NewStatusUpdateEvent(in, a2a.TaskStateCompleted, nil),
	}
	if text == "hold" {
		events = append(events[:2], a2a.NewStatusUpdateEvent(in, a2a.TaskStateInputRequired, nil))
	}
	return eventsOf(events...)
}

func (elsewhereAgent) Cancel(_ context.Context, in *a2asrv.ExecutorContext) iter.Seq2[a2a.Event, error] {
	return eventsOf(a2a.NewStatusUpdateEvent(in, a2a.TaskStateCanceled, nil))
}

func eventsOf(events ...a2a.Event) iter.Seq2[a2a.Event, error] {
	return func(yield func(a2a.Event, error) bool) {
		for _, event := range events {
			if !yield(event, nil) {
				return
			}
		}
	}
}

// elsewhere is the official server with one binding; it returns its card's address.
func elsewhere(t *testing.T, binding a2a.TransportProtocol, version a2a.ProtocolVersion) string {
	t.Helper()
	everybody := func(context.Context) (string, error) { return "everybody", nil }
	handler := a2asrv.NewHandler(elsewhereAgent{}, a2asrv.WithTaskStore(taskstore.NewInMemory(&taskstore.InMemoryStoreConfig{Authenticator: everybody})))
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	old := version == a2av0.Version
	at := server.URL + "/agent"
	switch {
	case binding == a2a.TransportProtocolGRPC:
		at = serveElsewhere(t, handler, old)
	case binding == a2a.TransportProtocolJSONRPC && old:
		mux.Handle("/agent", a2av0.NewJSONRPCHandler(handler))
	case binding == a2a.TransportProtocolJSONRPC:
		mux.Handle("/agent", a2asrv.NewJSONRPCHandler(handler))
	case old:
		mux.Handle("/agent/", http.StripPrefix("/agent", a2av0.NewRESTHandler(handler)))
	default:
		mux.Handle("/agent/", http.StripPrefix("/agent", a2asrv.NewRESTHandler(handler)))
	}
	card := &a2a.AgentCard{
		Name: "elsewhere", Description: "Echoes.", Version: "1", Capabilities: a2a.AgentCapabilities{Streaming: true},
		DefaultInputModes: []string{"text/plain"}, DefaultOutputModes: []string{"text/plain"},
		SupportedInterfaces: []*a2a.AgentInterface{{URL: at, ProtocolBinding: binding, ProtocolVersion: version}},
	}
	if old {
		mux.Handle(cardPath, a2asrv.NewAgentCardHandler(a2av0.NewStaticAgentCardProducer(card)))
	} else {
		mux.Handle(cardPath, a2asrv.NewStaticAgentCardHandler(card))
	}
	return server.URL + cardPath
}

// serveElsewhere serves gRPC, and returns the address.
func serveElsewhere(t *testing.T, handler a2asrv.RequestHandler, old bool) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := grpc.NewServer(grpc.UnaryInterceptor(keyChecked))
	if old {
		a2agrpc0.NewHandler(handler).RegisterWith(s)
	} else {
		a2agrpc.NewHandler(handler).RegisterWith(s)
	}
	go s.Serve(l)
	t.Cleanup(s.Stop)
	return l.Addr().String()
}

// keyChecked refuses "show me your key" without one.
func keyChecked(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
	md, _ := metadata.FromIncomingContext(ctx)
	if got := strings.Join(md.Get("authorization"), ","); strings.Contains(fmt.Sprint(req), "your key") && got != "Bearer secret" {
		return nil, status.Errorf(codes.Unauthenticated, "got the key %q", got)
	}
	return next(ctx, req)
}

// TestKeysGoWhereTheyAreMeantToOverGRPC: a key that is given with the call goes to
// the agent's own host, and the server's goes to the server alone.
func TestKeysGoWhereTheyAreMeantToOverGRPC(t *testing.T) {
	t.Parallel()
	card := elsewhere(t, a2a.TransportProtocolGRPC, a2a.Version)
	if got := invoke(t, nil, "send", card, "show me your key", "--token", "secret"); got.code != exitOK {
		t.Errorf("with a key that was given: %+v", got)
	}
	if got := invoke(t, []string{"CARREL_TOKEN=secret"}, "send", card, "show me your key"); got.code != exitFailed || !strings.Contains(got.stderr, `got the key ""`) {
		t.Errorf("with the server's key: %+v", got)
	}
	named := strings.Replace(card, "127.0.0.1", "localhost", 1)
	if got := invoke(t, nil, "send", named, "show me your key", "--token", "secret"); got.code != exitFailed || !strings.Contains(got.stderr, `got the key ""`) {
		t.Errorf("to another host: %+v", got)
	}
}

// TestAgentsElsewhere talks to agents of another server, over every binding.
func TestAgentsElsewhere(t *testing.T) {
	t.Parallel()
	for _, version := range []a2a.ProtocolVersion{a2a.Version, a2av0.Version} {
		for _, binding := range []a2a.TransportProtocol{a2a.TransportProtocolJSONRPC, a2a.TransportProtocolHTTPJSON, a2a.TransportProtocolGRPC} {
			t.Run(string(version)+" "+string(binding), func(t *testing.T) {
				t.Parallel()
				talkElsewhere(t, elsewhere(t, binding, version), version)
			})
		}
	}
}

func talkElsewhere(t *testing.T, card string, version a2a.ProtocolVersion) {
	t.Helper()
	carrel := func(args ...string) invoked { return invoke(t, []string{"CARREL_DATA=" + t.TempDir()}, args...) }
	if got := carrel("card", card); got.code != exitOK || !strings.Contains(got.stdout, "elsewhere") {
		t.Errorf("card: %+v", got)
	}
	if got := carrel("send", card, "hello"); got.code != exitOK || got.stdout != "you said hello\n" {
		t.Errorf("send: %+v", got)
	}
	if got := carrel("send", card, "hello", "--stream"); got.code != exitOK || got.stdout != "you said hello\n" {
		t.Errorf("send --stream: %+v", got)
	}
	got := carrel("send", card, "hold", "--json")
	var held a2a.Task
	if err := json.Unmarshal([]byte(got.stdout), &held); err != nil || got.code != exitFailed || held.Status.State != a2a.TaskStateInputRequired {
		t.Fatalf("send: %+v, %v", got, err)
	}
	task := string(held.ID)
	if got := carrel("tasks", "show", card, task); got.code != exitOK || !strings.Contains(got.stdout, "input required") {
		t.Errorf("tasks show: %+v", got)
	}
	if version == a2a.Version { // 0.3 has no method for it
		if got := carrel("tasks", "list", card); got.code != exitOK || !strings.Contains(got.stdout, task) || strings.Count(got.stdout, "\n") != 4 {
			t.Errorf("tasks list: %+v", got)
		}
	}
	if got := carrel("cancel", card, task); got.code != exitOK || !strings.Contains(got.stdout, "canceled") {
		t.Errorf("cancel: %+v", got)
	}
	if got := carrel("subscribe", card, task); got.code != exitFailed || got.stderr == "" {
		t.Errorf("subscribe to what has ended: %+v", got)
	}
}
