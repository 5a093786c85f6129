package server

import (
	"strings"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"
	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/carrelhq/carrel/task"
)

// row is an operation and how it goes. What it returns is asked for with acme's
// key and version 1.0, of the agent acme/carded, where it names no other.
type row struct {
	name string
	ask  func(b *bench) asked
}

const nowhere = "00000000-0000-4000-8000-000000000000"

func say(words string, change ...func(*a2apb.SendMessageRequest)) asked {
	req := ask(words)
	req.Tenant = ""
	for _, c := range change {
		c(req)
	}
	return asked{method: "SendMessage", req: req}
}

func (a asked) streaming() asked { a.method = "SendStreamingMessage"; return a }

func (a asked) under(key string) asked { a.once = key; return a }

func (a asked) of(agentName string) asked { a.agent = agentName; return a }

// unknown asks a public agent without a key.
func (a asked) unknown() asked { a.agent, a.who = "acme/open", "nobody"; return a }

func toTask(id string) func(*a2apb.SendMessageRequest) {
	return func(r *a2apb.SendMessageRequest) { r.Message.TaskId = id }
}

var table = []row{
	{"SendMessage", func(*bench) asked { return say("echo hello") }},
	{"SendMessage: it asks back", func(*bench) asked { return say("ask") }},
	{"SendMessage: it wants authorization", func(*bench) asked { return say("auth") }},
	{"SendMessage: it fails", func(*bench) asked { return say("fail no luck") }},
	{"SendMessage: the next message of a task", func(b *bench) asked { return say("echo that", toTask(b.send("carded", "ask").Id)) }},
	{"SendMessage: no history", func(*bench) asked {
		return say("echo hello", func(r *a2apb.SendMessageRequest) {
			r.Configuration = &a2apb.SendMessageConfiguration{HistoryLength: proto.Int32(0)}
		})
	}},
	{"SendMessage: less than no history", func(*bench) asked {
		return say("echo hello", func(r *a2apb.SendMessageRequest) {
			r.Configuration = &a2apb.SendMessageConfiguration{HistoryLength: proto.Int32(-1)}
		})
	}},
	{"SendMessage: no message", func(*bench) asked { return asked{method: "SendMessage", req: &a2apb.SendMessageRequest{}} }},
	{"SendMessage: no id", func(*bench) asked {
		return say("x", func(r *a2apb.SendMessageRequest) { r.Message.MessageId = "" })
	}},
	{"SendMessage: no parts", func(*bench) asked {
		return say("x", func(r *a2apb.SendMessageRequest) { r.Message.Parts = nil })
	}},
	{"SendMessage: a part without content", func(*bench) asked {
		return say("x", func(r *a2apb.SendMessageRequest) { r.Message.Parts[0].Content = nil })
	}},
	{"SendMessage: the agent's role", func(*bench) asked {
		return say("x", func(r *a2apb.SendMessageRequest) { r.Message.Role = a2apb.Role_ROLE_AGENT })
	}},
	{"SendMessage: nothing is right", func(*bench) asked {
		return say("x", everythingWrong).under("a key")
	}},
	{"SendMessage: no message, and a bad webhook", func(*bench) asked {
		return asked{method: "SendMessage", req: &a2apb.SendMessageRequest{Configuration: &a2apb.SendMessageConfiguration{
			TaskPushNotificationConfig: &a2apb.TaskPushNotificationConfig{},
		}}}
	}},
	{"SendMessage: a key that can be guessed and no parts, without a key", func(*bench) asked {
		a := say("x", func(r *a2apb.SendMessageRequest) { r.Message.ContextId, r.Message.Parts = "mine", nil }).under("mine").of("acme/open")
		a.who = "nobody"
		return a
	}},
	{"SendMessage: more wrong than is listed", func(*bench) asked {
		return say("x", func(r *a2apb.SendMessageRequest) { r.Message.Parts = make([]*a2apb.Part, 100); fill(r.Message.Parts) })
	}},
	{"SendMessage: no such task", func(*bench) asked { return say("x", toTask(nowhere)) }},
	{"SendMessage: a finished task", func(b *bench) asked { return say("x", toTask(b.send("carded", "echo hi").Id)) }},
	{"SendMessage: another context", func(b *bench) asked {
		return say("x", toTask(b.send("carded", "ask").Id), func(r *a2apb.SendMessageRequest) { r.Message.ContextId = "other" })
	}},
	{"SendMessage: a reference to no task", func(*bench) asked {
		return say("x", func(r *a2apb.SendMessageRequest) { r.Message.ReferenceTaskIds = []string{nowhere} })
	}},
	{"SendMessage: references to a task, to another agent's, and to none", func(b *bench) asked {
		ids := []string{b.send("carded", "echo hi").Id, b.send("open", "echo hi").Id, nowhere, ""}
		return say("x", func(r *a2apb.SendMessageRequest) { r.Message.ReferenceTaskIds = ids })
	}},
	{"SendMessage: a type that is not taken", func(*bench) asked {
		return say("x", func(r *a2apb.SendMessageRequest) { r.Message.Parts[0].MediaType = "image/png" }).of("acme/picky")
	}},
	{"SendMessage: a type that a skill takes", func(*bench) asked {
		return say("echo a,b", func(r *a2apb.SendMessageRequest) { r.Message.Parts[0].MediaType = "text/csv" }).of("acme/picky")
	}},
	{"SendMessage: with extensions", func(*bench) asked {
		a := say("echo hi").of("acme/extended")
		a.extensions = "https://example.com/other/v1, https://example.com/geo/v1"
		return a
	}},
	{"SendMessage: without a required extension", func(*bench) asked {
		a := say("echo hi").of("acme/extended")
		a.extensions = "https://example.com/geo/v2,https://example.com/cite/v1"
		return a
	}},
	{"GetTask: without any extension", func(*bench) asked { return get(nowhere, nil).of("acme/extended") }},
	{"SendMessage: a webhook with it", func(*bench) asked {
		return say("echo hi", func(r *a2apb.SendMessageRequest) {
			r.Configuration = &a2apb.SendMessageConfiguration{TaskPushNotificationConfig: &a2apb.TaskPushNotificationConfig{Url: "https://hooks.example.com/"}}
		})
	}},
	{"SendMessage: a context that can be guessed, without a key", func(*bench) asked {
		a := say("echo hi", func(r *a2apb.SendMessageRequest) { r.Message.ContextId = "mine" }).of("acme/open")
		a.who = "nobody"
		return a
	}},

	{"SendMessage: a key that came with another message", func(b *bench) asked {
		key := uuid.NewString()
		b.run(say("echo hi").under(key), askRPC)
		return say("echo ho").under(key)
	}},
	{"SendMessage: a key with a blank", func(*bench) asked { return say("echo hi").under("a key") }},
	{"SendMessage: a key that is badly quoted", func(*bench) asked { return say("echo hi").under(`"key`) }},
	{"SendMessage: a key in the metadata, too, and another one", func(*bench) asked {
		return say("echo hi", func(r *a2apb.SendMessageRequest) {
			r.Message.Metadata = &structpb.Struct{Fields: map[string]*structpb.Value{metadataOnce: structpb.NewStringValue("one")}}
		}).under("other")
	}},
	{"SendMessage: a key in the metadata that is no string", func(*bench) asked {
		return say("echo hi", func(r *a2apb.SendMessageRequest) {
			r.Metadata = &structpb.Struct{Fields: map[string]*structpb.Value{metadataOnce: structpb.NewNumberValue(1)}}
		})
	}},
	{"SendMessage: a key that can be guessed, without a key", func(*bench) asked {
		a := say("echo hi").under("mine").of("acme/open")
		a.who = "nobody"
		return a
	}},

	{"SendMessage: a direct reply", func(*bench) asked { return say("reply hello").of("acme/direct") }},
	{"SendMessage: a direct reply again", func(b *bench) asked {
		a := say("reply hello").of("acme/direct").under(uuid.NewString())
		b.run(a, askRPC)
		return a
	}},
	{"SendMessage: a message of an agent that gives no direct replies", func(*bench) asked { return say("reply hello") }},
	{"SendMessage: a direct reply where a webhook is named", func(*bench) asked {
		return say("reply hello", func(r *a2apb.SendMessageRequest) {
			r.Configuration = &a2apb.SendMessageConfiguration{TaskPushNotificationConfig: &a2apb.TaskPushNotificationConfig{Url: "https://hooks.example.com/"}}
		}).of("acme/direct")
	}},
	{"SendMessage: an artifact instead of a direct reply", func(*bench) asked { return say("echo hello").of("acme/direct") }},
	{"SendMessage: a question instead of a direct reply", func(*bench) asked { return say("ask").of("acme/direct") }},
	{"SendStreamingMessage: a direct reply", func(*bench) asked { return say("reply hello").of("acme/direct").streaming() }},
	{"SendStreamingMessage: a direct reply again", func(b *bench) asked {
		a := say("reply hello").of("acme/direct").under(uuid.NewString())
		b.run(a, askRPC)
		return a.streaming()
	}},
	{"SendStreamingMessage: chunks instead of a direct reply", func(*bench) asked { return say("chunks 2").of("acme/direct").streaming() }},
	{"SendStreamingMessage: a failure instead of a direct reply", func(*bench) asked { return say("fail no luck").of("acme/direct").streaming() }},
	{"ListTasks: after a direct reply", func(b *bench) asked {
		contextID := uuid.NewString()
		b.run(say("reply hello", func(r *a2apb.SendMessageRequest) { r.Message.ContextId = contextID }).of("acme/direct"), askRPC)
		return list(&a2apb.ListTasksRequest{ContextId: contextID}).of("acme/direct")
	}},

	{"SendStreamingMessage", func(*bench) asked { return say("chunks 2").streaming() }},
	{"SendStreamingMessage: it asks back", func(*bench) asked { return say("ask").streaming() }},
	{"SendStreamingMessage: it wants authorization, and is canceled", func(b *bench) asked {
		a := say("auth").streaming()
		a.onEvent = func(e *a2apb.StreamResponse) { // the stream is open still, and shows what comes
			if u := e.GetStatusUpdate(); u.GetStatus().GetState() == a2apb.TaskState_TASK_STATE_AUTH_REQUIRED {
				b.cancel(u.TaskId)
			}
		}
		return a
	}},
	{"SendStreamingMessage: no message", func(*bench) asked {
		return asked{method: "SendStreamingMessage", req: &a2apb.SendMessageRequest{}}
	}},
	{"SendStreamingMessage: a finished task", func(b *bench) asked {
		return say("x", toTask(b.send("carded", "echo hi").Id)).streaming()
	}},
	{"SendStreamingMessage: no such task", func(*bench) asked { return say("x", toTask(nowhere)).streaming() }},

	{"GetTask", func(b *bench) asked { return get(b.send("carded", "echo hi").Id, nil) }},
	{"GetTask: no history", func(b *bench) asked { return get(b.send("carded", "ask").Id, proto.Int32(0)) }},
	{"GetTask: less than no history", func(b *bench) asked { return get(b.send("carded", "ask").Id, proto.Int32(-1)) }},
	{"GetTask: no such task", func(*bench) asked { return get(nowhere, nil) }},
	{"GetTask: a task of another agent", func(b *bench) asked { return get(b.send("open", "echo hi").Id, nil) }},

	{"ListTasks", func(b *bench) asked {
		t := b.send("carded", "echo hi")
		return list(&a2apb.ListTasksRequest{ContextId: t.ContextId, Status: a2apb.TaskState_TASK_STATE_COMPLETED, StatusTimestampAfter: &timestamppb.Timestamp{}})
	}},
	{"ListTasks: with artifacts", func(b *bench) asked {
		t := b.send("carded", "echo hi")
		return list(&a2apb.ListTasksRequest{ContextId: t.ContextId, IncludeArtifacts: proto.Bool(true), HistoryLength: proto.Int32(0), PageSize: proto.Int32(1)})
	}},
	{"ListTasks: none", func(*bench) asked { return list(&a2apb.ListTasksRequest{ContextId: "nothing"}) }},
	{"ListTasks: a page too large", func(*bench) asked { return list(&a2apb.ListTasksRequest{PageSize: proto.Int32(101)}) }},
	{"ListTasks: a page too small", func(*bench) asked { return list(&a2apb.ListTasksRequest{PageSize: proto.Int32(-1)}) }},
	{"ListTasks: a page of another list", func(*bench) asked { return list(&a2apb.ListTasksRequest{PageToken: "AAAA"}) }},
	{"ListTasks: less than no history", func(*bench) asked { return list(&a2apb.ListTasksRequest{HistoryLength: proto.Int32(-1)}) }},
	{"ListTasks: a page too large, of less than no history", func(*bench) asked {
		return list(&a2apb.ListTasksRequest{PageSize: proto.Int32(101), HistoryLength: proto.Int32(-1), PageToken: "AAAA"})
	}},
	{"ListTasks: of a public agent, without a key", func(b *bench) asked {
		b.send("open", "echo hi")
		return list(&a2apb.ListTasksRequest{PageSize: proto.Int32(7)}).unknown()
	}},
	{"ListTasks: a context, without a key", func(b *bench) asked {
		return list(&a2apb.ListTasksRequest{ContextId: b.send("open", "echo hi").ContextId}).unknown()
	}},
	{"ListTasks: a context of another agent, without a key", func(b *bench) asked {
		return list(&a2apb.ListTasksRequest{ContextId: b.send("carded", "echo hi").ContextId}).unknown()
	}},
	{"ListTasks: a context that can be guessed, without a key", func(b *bench) asked {
		b.run(say("echo hi", func(r *a2apb.SendMessageRequest) { r.Message.ContextId = "mine" }).of("acme/open"), askRPC)
		return list(&a2apb.ListTasksRequest{ContextId: "mine"}).unknown()
	}},
	{"ListTasks: a page too large, without a key", func(*bench) asked {
		return list(&a2apb.ListTasksRequest{PageSize: proto.Int32(101), HistoryLength: proto.Int32(-1)}).unknown()
	}},
	{"ListTasks: a page of another list, without a key", func(*bench) asked {
		return list(&a2apb.ListTasksRequest{PageToken: "AAAA"}).unknown()
	}},

	{"CancelTask", func(b *bench) asked { return cancel(b.send("carded", "ask").Id) }},
	{"CancelTask: a finished task", func(b *bench) asked { return cancel(b.send("carded", "echo hi").Id) }},
	{"CancelTask: no such task", func(*bench) asked { return cancel(nowhere) }},

	{"SubscribeToTask", func(b *bench) asked {
		a := subscribe(b.send("carded", "ask").Id)
		a.onEvent = func(e *a2apb.StreamResponse) {
			if t := e.GetTask(); t != nil {
				b.cancel(t.Id)
			}
		}
		return a
	}},
	{"SubscribeToTask: a finished task", func(b *bench) asked { return subscribe(b.send("carded", "echo hi").Id) }},
	{"SubscribeToTask: no such task", func(*bench) asked { return subscribe(nowhere) }},

	{"CreateTaskPushNotificationConfig", func(b *bench) asked { return hook(b.send("carded", "ask").Id, "https://hooks.example.com/") }},
	{"CreateTaskPushNotificationConfig: no address", func(b *bench) asked { return hook(b.send("carded", "ask").Id, "") }},
	{"CreateTaskPushNotificationConfig: an address that may not be", func(b *bench) asked {
		return hook(b.send("carded", "ask").Id, "ftp://hooks.example.com/")
	}},
	{"CreateTaskPushNotificationConfig: nothing is right", func(b *bench) asked {
		return asked{method: "CreateTaskPushNotificationConfig", req: &a2apb.TaskPushNotificationConfig{
			TaskId: nowhere, Url: "hooks.example.com", Token: "whsec_short", Authentication: &a2apb.AuthenticationInfo{Credentials: "two\nlines"},
		}}
	}},
	{"CreateTaskPushNotificationConfig: no such task", func(*bench) asked { return hook(nowhere, "https://hooks.example.com/") }},
	{"GetTaskPushNotificationConfig", func(b *bench) asked {
		return asked{method: "GetTaskPushNotificationConfig", req: &a2apb.GetTaskPushNotificationConfigRequest{TaskId: b.hook(b.send("carded", "ask")).Id, Id: "mine"}}
	}},
	{"GetTaskPushNotificationConfig: none", func(b *bench) asked {
		return asked{method: "GetTaskPushNotificationConfig", req: &a2apb.GetTaskPushNotificationConfigRequest{TaskId: b.send("carded", "ask").Id, Id: "mine"}}
	}},
	{"GetTaskPushNotificationConfig: no such task", func(*bench) asked {
		return asked{method: "GetTaskPushNotificationConfig", req: &a2apb.GetTaskPushNotificationConfigRequest{TaskId: nowhere, Id: "mine"}}
	}},
	{"ListTaskPushNotificationConfigs", func(b *bench) asked {
		return asked{method: "ListTaskPushNotificationConfigs", req: &a2apb.ListTaskPushNotificationConfigsRequest{TaskId: b.hook(b.send("carded", "ask")).Id}}
	}},
	{"ListTaskPushNotificationConfigs: less than no page", func(*bench) asked {
		return asked{method: "ListTaskPushNotificationConfigs", req: &a2apb.ListTaskPushNotificationConfigsRequest{TaskId: nowhere, PageSize: -1, PageToken: "?"}}
	}},
	{"ListTaskPushNotificationConfigs: no such task", func(*bench) asked {
		return asked{method: "ListTaskPushNotificationConfigs", req: &a2apb.ListTaskPushNotificationConfigsRequest{TaskId: nowhere}}
	}},
	{"DeleteTaskPushNotificationConfig", func(b *bench) asked {
		return asked{method: "DeleteTaskPushNotificationConfig", req: &a2apb.DeleteTaskPushNotificationConfigRequest{TaskId: b.hook(b.send("carded", "ask")).Id, Id: "mine"}}
	}},
	{"DeleteTaskPushNotificationConfig: none", func(b *bench) asked {
		return asked{method: "DeleteTaskPushNotificationConfig", req: &a2apb.DeleteTaskPushNotificationConfigRequest{TaskId: b.send("carded", "ask").Id, Id: "mine"}}
	}},
	{"DeleteTaskPushNotificationConfig: no such task", func(*bench) asked {
		return asked{method: "DeleteTaskPushNotificationConfig", req: &a2apb.DeleteTaskPushNotificationConfigRequest{TaskId: nowhere, Id: "mine"}}
	}},

	{"GetExtendedAgentCard", func(*bench) asked {
		return asked{method: "GetExtendedAgentCard", req: &a2apb.GetExtendedAgentCardRequest{}}
	}},
}

func everythingWrong(r *a2apb.SendMessageRequest) {
	r.Message.MessageId, r.Message.Role = "", a2apb.Role_ROLE_AGENT
	r.Message.Parts = []*a2apb.Part{{}, r.Message.Parts[0], {}}
	r.Configuration = &a2apb.SendMessageConfiguration{
		HistoryLength:              proto.Int32(-1),
		AcceptedOutputModes:        []string{strings.Repeat("x", task.MaxMode+1)},
		TaskPushNotificationConfig: &a2apb.TaskPushNotificationConfig{Url: "ftp://hooks.example.com/", Token: "two\nlines"},
	}
}

func fill(parts []*a2apb.Part) {
	for i := range parts {
		parts[i] = &a2apb.Part{}
	}
}

func get(id string, history *int32) asked {
	return asked{method: "GetTask", req: &a2apb.GetTaskRequest{Id: id, HistoryLength: history}}
}

func list(req *a2apb.ListTasksRequest) asked { return asked{method: "ListTasks", req: req} }

func cancel(id string) asked {
	return asked{method: "CancelTask", req: &a2apb.CancelTaskRequest{Id: id}}
}

func subscribe(id string) asked {
	return asked{method: "SubscribeToTask", req: &a2apb.SubscribeToTaskRequest{Id: id}}
}

func hook(id, url string) asked {
	return asked{method: "CreateTaskPushNotificationConfig", req: &a2apb.TaskPushNotificationConfig{TaskId: id, Id: "mine", Url: url}}
}
