package server

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/carrelhq/carrel/abi"
	"github.com/carrelhq/carrel/agent"
	"github.com/carrelhq/carrel/task"
)

// bench is a server on which the table is run, with what its rows begin with.
type bench struct {
	*grpcHouse
	w *scripted
}

// send has the agent work on a message, and returns the task.
func (b *bench) send(agentName, words string) *a2apb.Task {
	b.t.Helper()
	req := ask(words)
	req.Tenant = ""
	answer, err := b.server.parts.tasks.SendAndAwait(context.WithoutCancel(b.t.Context()), task.Ref{Tenant: "acme", Agent: agentName}, task.Once{}, req)
	if err != nil {
		b.t.Fatal(err)
	}
	return answer.GetTask()
}

// hook gives a task a webhook named "mine".
func (b *bench) hook(t *a2apb.Task) *a2apb.Task {
	b.t.Helper()
	config := &a2apb.TaskPushNotificationConfig{TaskId: t.Id, Id: "mine", Url: "https://hooks.example.com/a2a"}
	if _, err := b.server.parts.tasks.CreatePushConfig(b.t.Context(), task.Ref{Tenant: "acme", Agent: "carded"}, config); err != nil {
		b.t.Fatal(err)
	}
	return t
}

func (b *bench) cancel(id string) {
	b.t.Helper()
	if _, err := b.server.parts.tasks.Cancel(context.WithoutCancel(b.t.Context()), task.Ref{Tenant: "acme", Agent: "carded"}, id); err != nil {
		b.t.Fatal(err)
	}
}

// run asks over a binding and returns what came of it, with names for what
// differs from run to run.
func (b *bench) run(a asked, over func(*grpcHouse, asked) outcome) string {
	b.t.Helper()
	return numbered(times.ReplaceAllString(over(b.grpcHouse, a.complete()).String(), "$$time"))
}

// numbered gives ids names in the order in which they come.
func numbered(text string) string {
	var order []string
	return uuids.ReplaceAllStringFunc(text, func(id string) string {
		i := slices.Index(order, id)
		if i < 0 {
			i, order = len(order), append(order, id)
		}
		return fmt.Sprintf("$id-%02d", i+1)
	})
}

// complete fills in what most rows have in common.
func (a asked) complete() asked {
	if a.agent == "" {
		a.agent = carded
	}
	switch a.version {
	case "":
		a.version = "1.0"
	case "none":
		a.version = ""
	}
	switch a.who {
	case "":
		a.who = "acme"
	case "nobody":
		a.who = ""
	}
	m := a.req.ProtoReflect()
	m.Set(m.Descriptor().Fields().ByName("tenant"), protoreflect.ValueOfString(a.agent))
	return a
}

// TestEveryOperationIsTheSameOverEveryBinding runs the table over all bindings on
// one server, and compares what comes of each row with testdata/bindings.txt.
func TestEveryOperationIsTheSameOverEveryBinding(t *testing.T) {
	t.Parallel()
	w := newScripted()
	b := &bench{newGRPCHouse(t, workingWith(t, w, task.Options{Push: pushing})), w}
	b.declare("picky", abi.Description{
		Description: "Reads text.", InputModes: []string{"text/plain"}, Skills: []abi.Skill{{ID: "sheets", InputModes: []string{"text/csv"}}},
	})
	b.declare("extended", extended)
	b.declare("direct", abi.Description{Replies: abi.RepliesMessage})
	b.compare("testdata/bindings.txt", append(table, admission()...))
}

// declare adds an agent to those of acme.
func (h *house) declare(name string, d abi.Description) {
	h.t.Helper()
	if _, err := h.agents.Declare(h.t.Context(), "acme", name, d, agent.PushOptions{Visibility: agent.CardOnly}); err != nil {
		h.t.Fatal(err)
	}
}

// TestErrorsAreTheSameOverEveryBinding has a task manager that does not work.
func TestErrorsAreTheSameOverEveryBinding(t *testing.T) {
	t.Parallel()
	b := &bench{grpcHouse: newGRPCHouse(t, func(p *parts, o *Options) {
		p.tasks = failing{}
		o.MaxStreams = 1
	})}
	b.server.streams.take(party{tenant: "beta"}, 1) // the one place is taken
	b.compare("testdata/bindings-errors.txt", []row{
		{"busy", func(*bench) asked {
			return say("x", func(r *a2apb.SendMessageRequest) {
				r.Configuration = &a2apb.SendMessageConfiguration{ReturnImmediately: true}
			})
		}},
		{"too many streams", func(*bench) asked { return say("x").streaming() }},
		{"an error that is nobody's business", func(*bench) asked { return get(nowhere, nil) }},
		{"no push notifications: create", func(*bench) asked { return hook(nowhere, "https://hooks.example.com/") }},
		{"no push notifications: get", func(*bench) asked {
			return asked{method: "GetTaskPushNotificationConfig", req: &a2apb.GetTaskPushNotificationConfigRequest{TaskId: nowhere, Id: "mine"}}
		}},
		{"no push notifications: list", func(*bench) asked {
			return asked{method: "ListTaskPushNotificationConfigs", req: &a2apb.ListTaskPushNotificationConfigsRequest{TaskId: nowhere}}
		}},
		{"no push notifications: delete", func(*bench) asked {
			return asked{method: "DeleteTaskPushNotificationConfig", req: &a2apb.DeleteTaskPushNotificationConfigRequest{TaskId: nowhere, Id: "mine"}}
		}},
	})
}

// TestAPageOfNone is refused in JSON, where a client that wants no certain size says
// nothing; over gRPC the official Go client sends it then.
func TestAPageOfNone(t *testing.T) {
	t.Parallel()
	b := &bench{grpcHouse: newGRPCHouse(t, working(t, newScripted()))}
	for _, d := range drivers {
		o := d.ask(b.grpcHouse, list(&a2apb.ListTasksRequest{PageSize: proto.Int32(0)}).complete())
		switch {
		case d.name != "GRPC":
			if !slices.Equal(o.fields, []string{"pageSize must be from 1 to 100"}) {
				t.Errorf("%s: got %v", d.name, o)
			}
		case len(o.results) != 1 || o.results[0].(*a2apb.ListTasksResponse).GetPageSize() != task.DefaultPage:
			t.Errorf("%s: got %v", d.name, o)
		}
	}
}

// failing is a task manager whose disk is gone.
type failing struct{ noTasks }

func (failing) Get(context.Context, task.Ref, string, *int32) (*a2apb.Task, error) {
	return nil, errDisk
}

func (failing) Encoded(context.Context, task.Ref, string, *int32, string, task.EncodeTask) ([]byte, error) {
	return nil, errDisk
}

var errDisk = errors.New("/dev/sdb: input/output error")

// admission are rows of every operation, asked for by those who may not, and in
// versions that are not served.
func admission() (rows []row) {
	methods := a2apb.File_a2av1_proto.Services().ByName("A2AService").Methods()
	for i := range methods.Len() {
		method := string(methods.Get(i).Name())
		for name, a := range map[string]asked{
			"without a key":             {who: "nobody"},
			"with another tenant's key": {who: "beta"},
			"a private agent":           {who: "beta", agent: "acme/hidden"},
			"no such agent":             {agent: "acme/none"},
			"without a version":         {version: "none"},
			"another version":           {version: "0.2"},
		} {
			rows = append(rows, row{method + ": " + name, func(b *bench) asked {
				a.method, a.req = method, newRequest(b.t, method)
				return a
			}})
		}
	}
	slices.SortFunc(rows, func(a, b row) int { return strings.Compare(a.name, b.name) })
	return rows
}

// newRequest is a request of the method that names no task, where it names one.
func newRequest(t testing.TB, method string) proto.Message {
	t.Helper()
	input := descriptor(method).Input()
	kind, err := protoregistry.GlobalTypes.FindMessageByName(input.FullName())
	if err != nil {
		t.Fatal(err)
	}
	m := kind.New()
	for _, name := range []protoreflect.Name{"id", "task_id"} {
		if field := input.Fields().ByName(name); field != nil {
			m.Set(field, protoreflect.ValueOfString(nowhere))
		}
	}
	return m.Interface()
}

func (b *bench) compare(file string, rows []row) {
	b.t.Helper()
	archive, err := txtar.ParseFile(file)
	if err != nil && !*update {
		b.t.Fatal(err)
	}
	want := map[string]string{}
	if archive != nil {
		for _, f := range archive.Files {
			want[f.Name] = string(f.Data)
		}
	}
	got := &txtar.Archive{Comment: []byte("What comes of each operation, over every binding.\n\n")}
	for _, r := range rows {
		for i, d := range drivers {
			text := b.run(r.ask(b), d.ask)
			if i == 0 && *update {
				got.Files = append(got.Files, txtar.File{Name: r.name, Data: []byte(text)})
				want[r.name] = text
			}
			if diff := cmp.Diff(want[r.name], text); diff != "" {
				b.t.Errorf("%s over %s (-want +got):\n%s", r.name, d.name, diff)
			}
		}
	}
	if *update {
		if err := os.WriteFile(file, txtar.Format(got), 0o644); err != nil {
			b.t.Fatal(err)
		}
	}
}
