package server

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"
	"golang.org/x/tools/txtar"
	"google.golang.org/protobuf/proto"

	"github.com/carrelhq/carrel/abi"
	"github.com/carrelhq/carrel/agent"
	"github.com/carrelhq/carrel/task"
)

// specified are the errors of the specification, sections 3.3.2, 5.4, 9.5 and 7, as it
// has them; what the server says is not asked. A status of 0 is that of the call.
var specified = []struct {
	outcome, reason string
	code, http      int
	status          string
}{
	{"TaskNotFoundError", "TASK_NOT_FOUND", -32001, 404, "NOT_FOUND"},
	{"TaskNotCancelableError", "TASK_NOT_CANCELABLE", -32002, 400, "FAILED_PRECONDITION"},
	{"PushNotificationNotSupportedError", "PUSH_NOTIFICATION_NOT_SUPPORTED", -32003, 400, "FAILED_PRECONDITION"},
	{"UnsupportedOperationError", "UNSUPPORTED_OPERATION", -32004, 400, "FAILED_PRECONDITION"},
	{"ContentTypeNotSupportedError", "CONTENT_TYPE_NOT_SUPPORTED", -32005, 400, "INVALID_ARGUMENT"},
	{"InvalidAgentResponseError", "INVALID_AGENT_RESPONSE", -32006, 500, "INTERNAL"},
	{"ExtendedAgentCardNotConfiguredError", "EXTENDED_AGENT_CARD_NOT_CONFIGURED", -32007, 400, "FAILED_PRECONDITION"},
	{"ExtensionSupportRequiredError", "EXTENSION_SUPPORT_REQUIRED", -32008, 400, "FAILED_PRECONDITION"},
	{"VersionNotSupportedError", "VERSION_NOT_SUPPORTED", -32009, 400, "FAILED_PRECONDITION"},
	{"JSONParseError", "PARSE_ERROR", -32700, 400, ""},
	{"InvalidRequestError", "INVALID_REQUEST", -32600, 400, ""},
	{"MethodNotFoundError", "METHOD_NOT_FOUND", -32601, 404, "UNIMPLEMENTED"},
	{"InvalidParamsError", "INVALID_PARAMS", -32602, 400, "INVALID_ARGUMENT"},
	{"InternalError", "INTERNAL_ERROR", -32603, 500, "INTERNAL"},
	{"not authenticated", "UNAUTHENTICATED", -31401, 401, "UNAUTHENTICATED"},
	{"not authorized", "AGENT_NOT_FOUND", -31404, 404, "NOT_FOUND"},
}

// TestMatrix tries every operation over every binding, of 1.0 and of 0.3, with every outcome that there
// can be, and keeps the exchanges in testdata/matrix, a file an operation. A cell has
// an exchange, or a reason why there can be none: an operation or an error without
// one fails.
func TestMatrix(t *testing.T) {
	t.Parallel()
	methods := a2apb.File_a2av1_proto.Services().ByName("A2AService").Methods()
	for i := range methods.Len() {
		method := string(methods.Get(i).Name())
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			m := newMatrix(t)
			got := &txtar.Archive{Comment: []byte(method + " with every outcome, over every binding of 1.0 and 0.3.\n\n")}
			for _, outcome := range append([]string{"ok"}, outcomes()...) {
				for _, d := range slices.Concat(drivers, drivers03) {
					got.Files = append(got.Files, m.cell(method, outcome, d.name, d.ask))
				}
			}
			wantPage(t, filepath.Join("testdata", "matrix", method+".txtar"), txtar.Format(got))
		})
	}
}

func outcomes() (names []string) {
	for _, s := range specified {
		names = append(names, s.outcome)
	}
	return names
}

// matrix has a server for each kind of outcome.
type matrix struct {
	t                      *testing.T
	working, broken, quiet *bench // quiet sends no push notifications
}

func newMatrix(t *testing.T) *matrix {
	w := newScripted()
	m := &matrix{
		t:       t,
		working: &bench{newGRPCHouse(t, workingWith(t, w, task.Options{Push: pushing})), w},
		broken:  &bench{grpcHouse: newGRPCHouse(t, func(p *parts, _ *Options) { p.tasks, p.events = brokenTasks{}, brokenTasks{} })},
		quiet:   &bench{grpcHouse: newGRPCHouse(t, working(t, newScripted()))},
	}
	m.working.declare("picky", abi.Description{Description: "Reads text.", InputModes: []string{"text/plain"}})
	m.working.declare("extended", extended)
	m.working.override("open", agent.Overrides{Extended: &agent.CardFields{}})
	m.working.override("carded", agent.Overrides{Extended: &agent.CardFields{Skills: []abi.Skill{{ID: "more", Name: "More"}}}})
	return m
}

// cell is an exchange, or the reason why there is none.
func (m *matrix) cell(method, result, binding string, over func(*grpcHouse, asked) outcome) txtar.File {
	m.t.Helper()
	file := txtar.File{Name: binding + ": " + result}
	on := m.working
	switch result {
	case "InternalError":
		on = m.broken
	case "PushNotificationNotSupportedError":
		on = m.quiet
	}
	find := ways
	if strings.HasPrefix(binding, "0.3 ") {
		find = ways03
	}
	a, reason := find(on, method, result, binding)
	switch {
	case (reason == "") == (a.req == nil):
		m.t.Fatalf("%s, %s: there must be either a request or a reason why there is none", method, file.Name)
	case reason != "":
		file.Data = []byte("Cannot be: " + reason + ".\n\n")
		return file
	}
	tape := &tape{next: on.client.Transport}
	on.client.Transport = tape
	o := over(on.grpcHouse, a.complete())
	on.client.Transport = tape.next
	m.hold(method, result, binding, o)
	text := tape.out.String()
	if binding == "GRPC" {
		text = a.callText() + "\n" + o.String()
	}
	file.Data = []byte(on.named(text) + "\n")
	return file
}

// hold holds an outcome to the specification.
func (m *matrix) hold(method, result, binding string, o outcome) {
	m.t.Helper()
	if result == "ok" {
		if o.reason != "" || len(o.results) == 0 {
			m.t.Errorf("%s over %s: got %v", method, binding, o)
		}
		return
	}
	want := specified[slices.Index(outcomes(), result)]
	ok := o.reason == want.reason
	switch binding {
	case "0.3 JSONRPC", "0.3 HTTP+JSON":
		ok = o.code == code03(want.code)
	case "JSONRPC":
		ok = ok && o.code == want.code
	case "HTTP+JSON":
		ok = ok && o.http == want.http && (want.status == "" || o.status == want.status)
	default:
		ok = ok && o.status == want.status
	}
	if !ok {
		m.t.Errorf("%s over %s: got %s, %s, code %d, HTTP %d, want %+v", method, binding, o.status, o.reason, o.code, o.http, want)
	}
}

// callText is a gRPC call for people to read.
func (a asked) callText() string {
	a = a.complete()
	text := "/lf.a2a.v1.A2AService/" + a.method + "\n"
	if a.version != "" {
		text += "a2a-version: " + a.version + "\n"
	}
	if a.who != "" {
		text += "authorization: Bearer $key-of-" + a.who + "\n"
	}
	var compact bytes.Buffer
	if encoded, err := proto.Marshal(a.req); err == nil && len(encoded) > 0 {
		compact.WriteString(outcome{results: []proto.Message{a.req}}.String())
	}
	return text + "\n" + compact.String()
}

// named replaces what differs from run to run.
func (b *bench) named(text string) string {
	text = strings.NewReplacer(b.url, "$url", b.addr, "$grpc", strings.TrimPrefix(b.url, "http://"), "$host").Replace(text)
	for who, token := range b.tokens {
		text = strings.ReplaceAll(text, token, "$key-of-"+who)
	}
	text = tags.ReplaceAllString(times.ReplaceAllString(text, "$$time"), "$1: $$$1")
	return numbered(text)
}

// tape keeps what goes over HTTP, as text.
type tape struct {
	next http.RoundTripper
	out  bytes.Buffer
}

// RoundTrip implements http.RoundTripper.
func (t *tape) RoundTrip(req *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	req.Body = io.NopCloser(bytes.NewReader(body))
	fmt.Fprintf(&t.out, "%s %s HTTP/1.1\n", req.Method, req.URL.RequestURI())
	t.headers(req.Header)
	t.out.Write(pretty(body))
	resp, err := t.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(&t.out, "\n%s\n", resp.Status)
	t.headers(resp.Header)
	if strings.HasPrefix(resp.Header.Get("Content-Type"), typeEvents) { // comes bit by bit
		resp.Body = struct {
			io.Reader
			io.Closer
		}{io.TeeReader(resp.Body, &t.out), resp.Body}
		return resp, nil
	}
	answer, err := io.ReadAll(resp.Body)
	t.out.Write(pretty(answer))
	resp.Body = io.NopCloser(bytes.NewReader(answer))
	return resp, err
}

func (t *tape) headers(h http.Header) {
	for _, name := range slices.Sorted(headerNames(h)) {
		if !slices.Contains(unremarkable, name) {
			fmt.Fprintf(&t.out, "%s: %s\n", name, strings.Join(h[name], ", "))
		}
	}
	t.out.WriteString("\n")
}

// brokenTasks is a task manager whose disk is gone.
type brokenTasks struct{ failing }

func (brokenTasks) PushSupported() bool { return true }

func (brokenTasks) SendOnce(context.Context, task.Ref, task.Once, *a2apb.SendMessageRequest) (task.Accepted, error) {
	return task.Accepted{}, errDisk
}

func (brokenTasks) SendAndAwait(context.Context, task.Ref, task.Once, *a2apb.SendMessageRequest) (*a2apb.SendMessageResponse, error) {
	return nil, errDisk
}

func (brokenTasks) List(context.Context, task.Ref, string, *a2apb.ListTasksRequest) (*a2apb.ListTasksResponse, error) {
	return nil, errDisk
}

func (brokenTasks) Cancel(context.Context, task.Ref, string) (*a2apb.Task, error) {
	return nil, errDisk
}

func (brokenTasks) CheckPushConfig(*a2apb.TaskPushNotificationConfig) error { return nil }

func (brokenTasks) CreatePushConfig(context.Context, task.Ref, *a2apb.TaskPushNotificationConfig) (*a2apb.TaskPushNotificationConfig, error) {
	return nil, errDisk
}

func (brokenTasks) GetPushConfig(context.Context, task.Ref, string, string) (*a2apb.TaskPushNotificationConfig, error) {
	return nil, errDisk
}

func (brokenTasks) ListPushConfigs(context.Context, task.Ref, *a2apb.ListTaskPushNotificationConfigsRequest) (*a2apb.ListTaskPushNotificationConfigsResponse, error) {
	return nil, errDisk
}

func (brokenTasks) DeletePushConfig(context.Context, task.Ref, string, string) error { return errDisk }

func (brokenTasks) Position(context.Context, task.Ref, string) (uint64, a2apb.TaskState, error) {
	return 0, 0, errDisk
}

func (brokenTasks) Snapshot(context.Context, task.Ref, string) (*a2apb.Task, uint64, error) {
	return nil, 0, errDisk
}
