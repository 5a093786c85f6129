package server

import (
	"bufio"
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/carrelhq/carrel/task"
)

func TestPathsAreTakenApartByHand(t *testing.T) {
	t.Parallel()
	acme := task.Ref{Tenant: "acme", Agent: "bot"}
	for _, test := range []struct {
		name, path, pattern string
		fields              []pathField
	}{
		{"send", "/message:send", "/message:send", nil},
		{"a list", "/tasks", "/tasks", nil},
		{"a task", "/tasks/1", "/tasks/{id}", []pathField{{"id", "1"}}},
		{"an id with escapes", "/tasks/a%2Fb%3Acancel", "/tasks/{id}", []pathField{{"id", "a/b:cancel"}}},
		{"cancel", "/tasks/1:cancel", "/tasks/{id}:cancel", []pathField{{"id", "1"}}},
		{"the last verb counts", "/tasks/a:subscribe:cancel", "/tasks/{id}:cancel", []pathField{{"id", "a:subscribe"}}},
		{"a config", "/tasks/1/pushNotificationConfigs/2", "/tasks/{taskId}/pushNotificationConfigs/{id}", []pathField{{"taskId", "1"}, {"id", "2"}}},
		{"behind a tenant", "/acme/tasks/1", "/tasks/{id}", []pathField{{"id", "1"}}},
		{"behind tenant and agent", "/acme/bot/message:send", "/message:send", nil},
		{"behind both as one segment", "/acme%2fbot/tasks", "/tasks", nil},
		{"a slash at the end", "/tasks/", "", nil},
		{"cancel of nothing", "/tasks/:cancel", "/tasks/{id}", []pathField{{"id", ":cancel"}}},
		{"an escape that is none", "/tasks/%zz", "", nil},
		{"no UTF-8", "/tasks/%ff", "", nil},
		{"too long", "/tasks/1/pushNotificationConfigs/2/3", "", nil},
		{"behind another tenant", "/beta/tasks", "", nil},
		{"behind another agent", "/acme/dog/tasks", "", nil},
		{"behind the beginning of a name", "/acmetasks", "", nil},
	} {
		r, fields, ok := findResource(acme, test.path)
		if r.pattern != test.pattern || ok != (test.pattern != "") || !cmp.Equal(fields, test.fields, cmp.AllowUnexported(pathField{})) {
			t.Errorf("%s: %s is %q with %v", test.name, test.path, r.pattern, fields)
		}
	}
}

// TestResourcesAreTheOnesOfTheMethods checks that the table names methods and
// fields that there are.
func TestResourcesAreTheOnesOfTheMethods(t *testing.T) {
	t.Parallel()
	methods := (&operations{}).methodsByName()
	service := a2apb.File_a2av1_proto.Services().ByName("A2AService")
	served := map[string]bool{}
	for _, r := range resources {
		for verb, name := range r.verbs {
			served[name] = true
			rpc := service.Methods().ByName(protoreflect.Name(name))
			if rpc == nil || methods[name].streams != r.streams {
				t.Fatalf("%s %s: method %s is not there, or streams otherwise", verb, r.pattern, name)
			}
			fields, _ := r.match(r.pattern)
			for _, f := range fields {
				if rpc.Input().Fields().ByJSONName(f.name) == nil {
					t.Errorf("%s %s: %s has no field %s", verb, r.pattern, rpc.Input().Name(), f.name)
				}
			}
		}
	}
	for name := range methods {
		if !served[name] {
			t.Errorf("no address leads to %s", name)
		}
	}
}

func TestQueriesAreReadStrictly(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, query, want, field string
	}{
		{"nothing", "", `{}`, ""},
		{"all", "contextId=c&status=TASK_STATE_WORKING&pageSize=5&pageToken=p&historyLength=0&statusTimestampAfter=2026-01-02T03:04:05.6Z&includeArtifacts=true&tenant=t",
			`{"contextId":"c","status":"TASK_STATE_WORKING","pageSize":5,"pageToken":"p","historyLength":0,"statusTimestampAfter":"2026-01-02T03:04:05.6Z","includeArtifacts":true,"tenant":"t"}`, ""},
		{"proto names", "page_size=5&context_id=c", `{"pageSize":5,"contextId":"c"}`, ""},
		{"what the Go client calls it", "lastUpdatedAfter=2026-01-02T03:04:05Z", `{"statusTimestampAfter":"2026-01-02T03:04:05Z"}`, ""},
		{"unknown ones", "A2A-Version=1.0&colour=red&colour=blue", `{}`, ""},
		{"escapes", "contextId=%7B%22%3A%0A", `{"contextId":"{\":\n"}`, ""},
		{"a number that is none", "pageSize=ten", "", "pageSize"},
		{"a number that is too large", "pageSize=4294967296", "", "pageSize"},
		{"no number", "historyLength=", "", "historyLength"},
		{"a time that is none", "statusTimestampAfter=2026-01-02", "", "statusTimestampAfter"},
		{"a boolean that is none", "includeArtifacts=1", "", "includeArtifacts"},
		{"a state that is none", "status=working", "", "status"},
		{"no state", "status=", "", "status"},
		{"twice", "pageSize=1&pageSize=1", "", "pageSize"},
		{"twice under two names", "pageSize=1&page_size=1", "", "pageSize"},
		{"bad escapes", "contextId=%", "", "query"},
		{"semicolons", "contextId=a;b", "", "query"},
		{"no UTF-8", "contextId=%ff", "", "contextId"},
	} {
		got := &a2apb.ListTasksRequest{}
		err := decodeQuery(test.query, got)
		var f *task.FieldError
		if test.field != "" {
			if !errors.As(err, &f) || f.Field != test.field {
				t.Errorf("%s: got %v, want field %s", test.name, err, test.field)
			}
			continue
		}
		want := &a2apb.ListTasksRequest{}
		if jsonErr := protojson.Unmarshal([]byte(test.want), want); jsonErr != nil {
			t.Fatal(jsonErr)
		}
		if diff := cmp.Diff(want, got, protocmp.Transform()); err != nil || diff != "" {
			t.Errorf("%s: %v, (-want +got):\n%s", test.name, err, diff)
		}
	}
}

func FuzzDecodeQuery(f *testing.F) {
	for _, seed := range []string{"pageSize=1&status=TASK_STATE_WORKING", "statusTimestampAfter=2026-01-02T03%3A04%3A05Z", "a=%zz&;", "includeArtifacts=true&&=x"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, query string) {
		req := &a2apb.ListTasksRequest{}
		if err := decodeQuery(query, req); err != nil {
			var field *task.FieldError
			if !errors.As(err, &field) {
				t.Errorf("%q: got %v, want an invalid field", query, err)
			}
			return
		}
		// What was taken can be said in JSON, and is read the same there.
		text, err := protojson.Marshal(req)
		again := &a2apb.ListTasksRequest{}
		if err == nil {
			err = decodeProto(text, again)
		}
		if err != nil || !proto.Equal(req, again) {
			t.Errorf("%q: %s: %v", query, text, err)
		}
	})
}

// FuzzDecodeQuery03: a query of 0.3 is one of 1.0 with other names of states, or
// names the field that is invalid.
func FuzzDecodeQuery03(f *testing.F) {
	for _, seed := range []string{"pageSize=1&status=working", "history_length=3&id=x", "status=input-required", "status=?", "taskId=%zz"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, query string) {
		for _, req := range []proto.Message{&a2apb.ListTasksRequest{}, &a2apb.GetTaskRequest{}, &a2apb.GetTaskPushNotificationConfigRequest{}} {
			var field *task.FieldError
			if err := decodeQuery03(query, req); err != nil && !errors.As(err, &field) {
				t.Errorf("%q: got %v, want an invalid field", query, err)
			}
			if _, err := protojson.Marshal(req); err != nil {
				t.Errorf("%q: %v", query, err)
			}
		}
	})
}

func FuzzFindResource(f *testing.F) {
	for _, r := range resources {
		f.Add(r.pattern)
		f.Add("/acme/bot" + r.pattern)
	}
	f.Fuzz(func(t *testing.T, path string) {
		r, fields, ok := findResource(task.Ref{Tenant: "acme", Agent: "bot"}, path)
		if ok && len(fields) != strings.Count(r.pattern, "{") {
			t.Errorf("%q: %s with %v", path, r.pattern, fields)
		}
	})
}

func TestAnswersAreOfTheTypeThatWasAskedFor(t *testing.T) {
	t.Parallel()
	for accept, want := range map[string]string{
		"":                                       typeA2A,
		"*/*":                                    typeA2A,
		"application/json":                       typeJSON,
		"text/event-stream":                      typeJSON,
		"application/json, text/plain, */*":      typeJSON,
		"application/json, application/a2a+json": typeA2A,
		"application/json, application/a2a+json;q=0.9": typeJSON,
		"application/json;q=0.5,application/a2a+json":  typeA2A,
		"application/json;q=0":                         typeA2A,
		"Application/JSON ; q=0.1":                     typeJSON,
		"Application/A2A+JSON":                         typeA2A,
		"text/html":                                    typeA2A,
		"application/jsonlines":                        typeA2A,
	} {
		if got := restMedia(accept); got != want {
			t.Errorf("%q: got %s", accept, got)
		}
	}
	h := newHouse(t, working(t, newScripted()))
	r := h.do("POST", "/agents/acme/open/message:send", `{"message":{"messageId":"m","role":"ROLE_USER","parts":[{"text":"echo hi"}]}}`,
		"Content-Type", typeJSON, "Accept", "*/*", "A2A-Version", "1.0")
	if got := r.Header.Get("Content-Type"); r.StatusCode != http.StatusOK || got != typeA2A {
		t.Errorf("a body in plain JSON from who takes anything: got %d as %s", r.StatusCode, got)
	}
}

// TestQueriesThatAreWrongInSeveralWays has the query of section 6.5: it names what
// cannot be read and, of the others, what cannot be.
func TestQueriesThatAreWrongInSeveralWays(t *testing.T) {
	t.Parallel()
	h := newHouse(t, workingWith(t, newScripted(), task.Options{Push: pushing}))
	for _, test := range []struct {
		path string
		want []string
	}{
		{"/tasks?pageSize=150&historyLength=-5&status=TASK_STATE_RUNNING", []string{"status", "pageSize", "historyLength"}},
		{"/tasks?pageSize=150&historyLength=none&tenant=other", []string{"historyLength", "tenant", "pageSize"}},
		{"/v1/tasks?pageSize=150&status=running", []string{"status", "pageSize"}},
		{"/tasks/x?historyLength=none&tenant=other", []string{"historyLength", "tenant"}},
		{"/tasks/x?historyLength=-1&tenant=other", []string{"tenant", "historyLength"}},
		{"/tasks/x/pushNotificationConfigs?pageSize=none&pageToken=%3F", []string{"pageSize", "pageToken"}},
	} {
		version := "1.0"
		if strings.HasPrefix(test.path, "/v1") {
			version = "0.3"
		}
		r := h.do("GET", "/agents/acme/carded"+test.path, "", "A2A-Version", version, "token", "acme")
		var body statusBody
		r.decode(t, &body)
		var got []string
		for _, d := range body.Error.Details {
			for _, v := range d.Violations {
				got = append(got, v.Field)
			}
		}
		if r.StatusCode != http.StatusBadRequest || !slices.Equal(got, test.want) {
			t.Errorf("%s: got %d, %v, want %v", test.path, r.StatusCode, got, test.want)
		}
	}
}

func TestABodyOfAnotherTypeHasTheStatusOfItsBinding(t *testing.T) {
	t.Parallel()
	h := newHouse(t, working(t, newScripted()))
	const body = `{"message":{"messageId":"m","role":"ROLE_USER","parts":[{"text":"echo hi"}]}}`
	for _, test := range []struct {
		binding, path, version string
		want                   int
	}{
		{"HTTP+JSON", "/agents/acme/open/message:send", "1.0", http.StatusBadRequest},
		{"HTTP+JSON of 0.3", "/agents/acme/open/v1/message:send", "", http.StatusUnsupportedMediaType},
		{"JSON-RPC", "/agents/acme/open", "1.0", http.StatusUnsupportedMediaType},
	} {
		for name, headers := range map[string][]string{
			"another type":    {"Content-Type", "text/plain"},
			"no type":         {},
			"another charset": {"Content-Type", "application/json; charset=latin1"},
			"compressed":      {"Content-Type", "application/json", "Content-Encoding", "gzip"},
		} {
			if test.version != "" {
				headers = append(headers, "A2A-Version", test.version)
			}
			r := h.do("POST", test.path, body, headers...)
			if r.StatusCode != test.want || !strings.Contains(r.body, "Incompatible content types") {
				t.Errorf("%s, %s: got %d %s, want %d", test.binding, name, r.StatusCode, r.body, test.want)
			}
		}
	}
}

func TestTheLandingAgentHasTheWholeBinding(t *testing.T) {
	t.Parallel()
	h := newHouse(t, working(t, newScripted()), func(_ *parts, o *Options) { o.DefaultAgent = "acme/open" })
	for _, prefix := range []string{"", "/acme", "/acme/open"} {
		r := h.do("POST", prefix+"/message:send", `{"message":{"messageId":"m","role":"ROLE_USER","parts":[{"text":"echo hi"}]}}`, "Content-Type", "application/json", "A2A-Version", "1.0")
		if r.StatusCode != http.StatusOK || !strings.Contains(r.body, `"text":"hi"`) {
			t.Errorf("%s: got %d %s", prefix, r.StatusCode, r.body)
		}
	}
	for _, path := range []string{"/beta/message:send", "/acme/carded/message:send", "/message", "/acme/open/x/message:send"} {
		if r := h.do("POST", path, `{}`, "Content-Type", "application/json", "A2A-Version", "1.0"); r.StatusCode != http.StatusNotFound {
			t.Errorf("%s: got %d %s", path, r.StatusCode, r.body)
		}
	}
}

func TestRESTBodiesAreBounded(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(_ *parts, o *Options) { o.MaxBody = 1000 })
	deep := strings.Repeat(`[`, 200) + strings.Repeat(`]`, 200)
	for body, want := range map[string]int{
		`{"metadata":"` + strings.Repeat("x", 2000) + `"}`: http.StatusRequestEntityTooLarge,
		`{"metadata":{"x":` + deep + `}}`:                  http.StatusBadRequest,
		" ":                                                http.StatusBadRequest,
		"{\"message\":\"\xff\"}":                           http.StatusBadRequest,
	} {
		if r := h.do("POST", "/agents/acme/open/message:send", body, "Content-Type", typeA2A, "A2A-Version", "1.0"); r.StatusCode != want {
			t.Errorf("%.30s: got %d %s", body, r.StatusCode, r.body)
		}
	}
}

// TestARESTStreamIsResumed takes a stream up again while its task is running.
func TestARESTStreamIsResumed(t *testing.T) {
	t.Parallel()
	w := newScripted()
	h := newHouse(t, working(t, w))
	ctx := context.WithoutCancel(t.Context())
	accepted, err := h.server.parts.tasks.SendOnce(ctx, task.Ref{Tenant: "acme", Agent: "open"}, task.Once{}, &a2apb.SendMessageRequest{
		Message: &a2apb.Message{MessageId: "m", Role: a2apb.Role_ROLE_USER, Parts: text("hold")},
	})
	if err != nil {
		t.Fatal(err)
	}
	<-w.held
	resp := h.open("GET", "/agents/acme/open/tasks/"+accepted.TaskID+":subscribe", strings.NewReader(""), "A2A-Version", "1.0", "Last-Event-ID", "1")
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	for i, want := range []string{"id: 2", `data: {"statusUpdate":`, "", "id: 3", `data: {"statusUpdate":`, ""} {
		if i == 3 {
			w.release <- struct{}{}
		}
		if !lines.Scan() || !strings.HasPrefix(lines.Text(), want) || want == "" && lines.Text() != "" {
			t.Fatalf("line %d: got %q, want %q", i, lines.Text(), want)
		}
	}
	if lines.Scan() {
		t.Errorf("after the end: got %q", lines.Text())
	}
}
