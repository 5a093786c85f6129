package server

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"

	"github.com/carrelhq/carrel/abi"
	"github.com/carrelhq/carrel/agent"
	"github.com/carrelhq/carrel/storage"
	"github.com/carrelhq/carrel/storage/storagetest"
	"github.com/carrelhq/carrel/task"
	"github.com/carrelhq/carrel/tenant"
)

// house is a running server with two tenants, acme and beta, each with a public,
// a card-only and a private agent.
type house struct {
	t      testing.TB
	url    string
	db     storage.DB
	agents *agent.Registry
	keys   *tenant.Keys
	server *Server
	// tokens by whose they are: acme, beta, operator.
	tokens map[string]string
	client *http.Client
	// stop ends the server and returns what Serve did.
	stop func() error
	// writes are the server's, to all connections.
	writes *atomic.Int64
}

// countingListener counts the writes to its connections.
type countingListener struct {
	net.Listener
	writes *atomic.Int64
}

func (l countingListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &countingConn{c.(*net.TCPConn), l.writes}, nil
}

type countingConn struct {
	*net.TCPConn
	writes *atomic.Int64
}

func (c *countingConn) Write(p []byte) (int, error) {
	c.writes.Add(1)
	return c.TCPConn.Write(p)
}

// testAgents is a register that tells settings where it is kept.
type testAgents struct {
	*agent.Registry
	root storage.DB
}

// setting changes what a house is built from.
type setting func(*parts, *Options)

func newHouse(t testing.TB, settings ...setting) *house {
	t.Helper()
	h := &house{t: t, db: storagetest.Memory(), tokens: map[string]string{}, writes: new(atomic.Int64)}
	t.Cleanup(func() { h.db.Close() })
	var err error
	h.keys = tenant.NewKeys(h.db)
	if h.agents, err = agent.NewRegistry(h.db, fakeInspector{}, agent.Options{}); err != nil {
		t.Fatal(err)
	}
	p := parts{tasks: noTasks{}, events: noTasks{}, agents: &testAgents{h.agents, h.db}, keys: h.keys}
	opts := Options{Version: "test", Logger: slog.New(slog.NewTextHandler(t.Output(), nil))}
	for _, set := range settings {
		set(&p, &opts)
	}
	if h.server, err = newServer(p, opts); err != nil {
		t.Fatal(err)
	}
	h.populate()
	h.serve()
	return h
}

func (h *house) populate() {
	h.t.Helper()
	ctx := h.t.Context()
	for _, owner := range []string{"acme", "beta"} {
		for name, v := range map[string]agent.Visibility{"open": agent.Public, "carded": agent.CardOnly, "hidden": agent.Private} {
			if _, err := h.agents.Declare(ctx, owner, name, abi.Description{Description: "An agent."}, agent.PushOptions{Visibility: v}); err != nil {
				h.t.Fatal(err)
			}
		}
		h.tokens[owner] = h.newKey(tenant.KeySpec{Tenant: owner})
	}
	h.tokens["operator"] = h.newKey(tenant.KeySpec{Operator: true})
}

func (h *house) newKey(spec tenant.KeySpec) string {
	h.t.Helper()
	_, token, err := h.keys.Create(h.t.Context(), spec)
	if err != nil {
		h.t.Fatal(err)
	}
	return token
}

// serve runs the server on a port of its own until the test ends.
func (h *house) serve() {
	h.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		h.t.Fatal(err)
	}
	h.url = "http://" + l.Addr().String()
	ctx, cancel := context.WithCancel(context.WithoutCancel(h.t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- h.server.Serve(ctx, countingListener{l, h.writes}) }()
	h.client = &http.Client{Transport: &http.Transport{}}
	stopped := false
	h.stop = func() error {
		if stopped {
			return nil
		}
		stopped = true
		cancel()
		return <-ended
	}
	h.t.Cleanup(func() {
		h.client.CloseIdleConnections()
		if err := h.stop(); err != nil {
			h.t.Errorf("Serve: %v", err)
		}
	})
}

// reply is an answer read to its end.
type reply struct {
	*http.Response
	body string
}

// do sends a request; headers are pairs, and a first one of "token" names a tenant.
func (h *house) do(method, path, body string, headers ...string) reply {
	h.t.Helper()
	resp := h.open(method, path, strings.NewReader(body), headers...)
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		h.t.Fatalf("%s %s: %v", method, path, err)
	}
	return reply{resp, string(data)}
}

func (h *house) open(method, path string, body io.Reader, headers ...string) *http.Response {
	h.t.Helper()
	req, err := http.NewRequestWithContext(h.t.Context(), method, h.url+path, body)
	if err != nil {
		h.t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		name, value := headers[i], headers[i+1]
		if name == "token" {
			name, value = "Authorization", "Bearer "+h.tokens[value]
		}
		req.Header.Set(name, value)
	}
	resp, err := h.client.Do(req)
	if err != nil {
		h.t.Fatalf("%s %s: %v", method, path, err)
	}
	return resp
}

// rpc makes a JSON-RPC call and returns its HTTP reply.
func (h *house) rpc(path, method, params string, headers ...string) reply {
	h.t.Helper()
	return h.do("POST", path, rpcBody(method, params), append([]string{"Content-Type", "application/json", "A2A-Version", "1.0"}, headers...)...)
}

func rpcBody(method, params string) string {
	return `{"jsonrpc":"2.0","id":1,"method":"` + method + `","params":` + params + `}`
}

// code is the JSON-RPC error code in the reply, 0 for a result.
func (r reply) code(t *testing.T) int {
	t.Helper()
	var body struct {
		Result json.RawMessage
		Error  struct{ Code int }
	}
	if err := json.Unmarshal([]byte(r.body), &body); err != nil || body.Result == nil && body.Error.Code == 0 {
		t.Fatalf("not a JSON-RPC response: HTTP %d %q", r.StatusCode, r.body)
	}
	return body.Error.Code
}

// decode reads the reply's JSON into v.
func (r reply) decode(t *testing.T, v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(r.body), v); err != nil {
		t.Fatalf("HTTP %d %q: %v", r.StatusCode, r.body, err)
	}
}

// noTasks is a task manager that has none.
type noTasks struct{}

func (noTasks) CheckMessage(task.Once, *a2apb.SendMessageRequest) error { return nil }

func (noTasks) SendOnce(context.Context, task.Ref, task.Once, *a2apb.SendMessageRequest) (task.Accepted, error) {
	return task.Accepted{}, task.ErrBusy
}

func (noTasks) Answer(context.Context, task.Ref, task.Accepted, *int32) (*a2apb.SendMessageResponse, error) {
	return nil, task.ErrTaskNotFound
}

func (noTasks) Get(context.Context, task.Ref, string, *int32) (*a2apb.Task, error) {
	return nil, task.ErrTaskNotFound
}

func (noTasks) Encoded(context.Context, task.Ref, string, *int32, string, task.EncodeTask) ([]byte, error) {
	return nil, task.ErrTaskNotFound
}

func (noTasks) List(context.Context, task.Ref, string, *a2apb.ListTasksRequest) (*a2apb.ListTasksResponse, error) {
	return &a2apb.ListTasksResponse{PageSize: 50}, nil
}

func (noTasks) Cancel(context.Context, task.Ref, string) (*a2apb.Task, error) {
	return nil, task.ErrTaskNotFound
}

func (noTasks) SendAndAwait(context.Context, task.Ref, task.Once, *a2apb.SendMessageRequest) (*a2apb.SendMessageResponse, error) {
	return nil, task.ErrTaskNotFound
}
func (noTasks) Delete(context.Context, task.Ref, string) error        { return task.ErrTaskNotFound }
func (noTasks) DeleteContext(context.Context, task.Ref, string) error { return task.ErrTaskNotFound }
func (noTasks) ClearAgent(context.Context, task.Ref) error            { return nil }
func (noTasks) Lines(context.Context, task.Ref, string, uint64, bool) iter.Seq2[task.LogLine, error] {
	return func(func(task.LogLine, error) bool) {}
}

func (noTasks) Blob(context.Context, string, task.BlobRef) (*task.Blob, error) {
	return nil, task.ErrTaskNotFound
}

func (noTasks) PushSupported() bool { return false }

func (noTasks) CheckPushConfig(*a2apb.TaskPushNotificationConfig) error {
	return task.ErrPushNotSupported
}

func (noTasks) CreatePushConfig(context.Context, task.Ref, *a2apb.TaskPushNotificationConfig) (*a2apb.TaskPushNotificationConfig, error) {
	return nil, task.ErrPushNotSupported
}

func (noTasks) GetPushConfig(context.Context, task.Ref, string, string) (*a2apb.TaskPushNotificationConfig, error) {
	return nil, task.ErrPushNotSupported
}

func (noTasks) ListPushConfigs(context.Context, task.Ref, *a2apb.ListTaskPushNotificationConfigsRequest) (*a2apb.ListTaskPushNotificationConfigsResponse, error) {
	return nil, task.ErrPushNotSupported
}

func (noTasks) DeletePushConfig(context.Context, task.Ref, string, string) error {
	return task.ErrPushNotSupported
}

func (noTasks) PushHealth(context.Context, task.Ref, string) ([]task.PushHealth, error) {
	return nil, task.ErrPushNotSupported
}

func (noTasks) Position(context.Context, task.Ref, string) (uint64, a2apb.TaskState, error) {
	return 0, 0, task.ErrTaskNotFound
}

func (noTasks) Snapshot(context.Context, task.Ref, string) (*a2apb.Task, uint64, error) {
	return nil, 0, task.ErrTaskNotFound
}

func (noTasks) Cursor(task.Ref, string, uint64) *task.Cursor { panic("there is no task to follow") }

// fakeInspector takes what begins as a module does.
type fakeInspector struct{}

func (fakeInspector) Inspect(_ context.Context, _ string, module []byte) (abi.Inspection, error) {
	if !strings.HasPrefix(string(module), "\x00asm") {
		return abi.Inspection{}, &abi.Refusal{Rule: "not_wasm", Problem: "the file does not begin as a module does", Advice: "build for wasip1"}
	}
	if strings.Contains(string(module), "busy") {
		return abi.Inspection{}, &abi.Refusal{Rule: abi.RuleBusy, Problem: "too many modules wait", Advice: "upload it again in a while"}
	}
	if strings.Contains(string(module), "broken inspector") {
		return abi.Inspection{}, errors.New("secret internal text")
	}
	return abi.Inspection{Wants: []string{"log"}}, nil
}
