package server

import (
	"regexp"
	"strings"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"
	"google.golang.org/protobuf/proto"
)

var tags = regexp.MustCompile(`(Etag|Last-Modified): .*`)

// ways returns what is asked of the operation for an outcome, or why it cannot come
// to that.
func ways(b *bench, method, result, binding string) (a asked, reason string) {
	a = asked{method: method, req: newRequest(b.t, method)}
	switch result {
	case "ok":
		return succeeds(b, method), ""
	case "VersionNotSupportedError":
		a.version = "0.2"
		return a, ""
	case "not authenticated":
		a.who = "nobody"
		return a, ""
	case "not authorized":
		a.who = "beta"
		return a, ""
	case "InternalError":
		return disturbed(a)
	case "ExtensionSupportRequiredError":
		if method == "GetExtendedAgentCard" {
			return asked{}, "the card is what tells of extensions"
		}
		return a.of("acme/extended"), ""
	case "InvalidAgentResponseError":
		return asked{}, "an agent whose answer is malformed fails its task, and the task is the answer"
	case "JSONParseError", "InvalidRequestError", "MethodNotFoundError":
		return misshapen(b, a, result, binding)
	case "InvalidParamsError":
		return wrong(b, method, binding)
	}
	return refused(b, method, result)
}

// sends reports whether the operation takes a message.
func sends(method string) bool {
	return strings.HasSuffix(method, "Message")
}

// pushes reports whether the operation is of push notification configs.
func pushes(method string) bool { return strings.Contains(method, "PushNotification") }

func succeeds(b *bench, method string) asked {
	switch method {
	case "SendMessage":
		return say("echo hello")
	case "SendStreamingMessage":
		return say("chunks 2").streaming()
	case "GetTask":
		return get(b.send("carded", "echo hi").Id, nil)
	case "ListTasks":
		return list(&a2apb.ListTasksRequest{ContextId: b.send("carded", "echo hi").ContextId})
	case "CancelTask":
		return cancel(b.send("carded", "ask").Id)
	case "SubscribeToTask":
		a := subscribe(b.send("carded", "ask").Id)
		a.onEvent = func(e *a2apb.StreamResponse) {
			if t := e.GetTask(); t != nil {
				b.cancel(t.Id)
			}
		}
		return a
	case "CreateTaskPushNotificationConfig":
		return hook(b.send("carded", "ask").Id, "https://hooks.example.com/")
	case "GetExtendedAgentCard":
		return asked{method: method, req: &a2apb.GetExtendedAgentCardRequest{}}
	}
	return config(method, b.hook(b.send("carded", "ask")).Id)
}

// config asks for the config "mine" of a task, or for all.
func config(method, id string) asked {
	switch method {
	case "CreateTaskPushNotificationConfig":
		return hook(id, "https://hooks.example.com/")
	case "GetTaskPushNotificationConfig":
		return asked{method: method, req: &a2apb.GetTaskPushNotificationConfigRequest{TaskId: id, Id: "mine"}}
	case "DeleteTaskPushNotificationConfig":
		return asked{method: method, req: &a2apb.DeleteTaskPushNotificationConfigRequest{TaskId: id, Id: "mine"}}
	}
	return asked{method: method, req: &a2apb.ListTaskPushNotificationConfigsRequest{TaskId: id}}
}

// disturbed asks a server whose disk is gone.
func disturbed(a asked) (asked, string) {
	switch {
	case a.method == "GetExtendedAgentCard":
		return asked{}, "it reads the agent only, without which no operation begins"
	case a.method == "SubscribeToTask":
		return subscribe(nowhere), ""
	case sends(a.method):
		said := say("x")
		said.method = a.method
		return said, ""
	case pushes(a.method):
		return config(a.method, nowhere), ""
	}
	return a, ""
}

// misshapen sends what is no JSON, no request or no method.
func misshapen(b *bench, a asked, result, binding string) (asked, string) {
	change := map[string]func(string) string{
		"JSONParseError":      func(string) string { return `{"jsonrpc":` },
		"InvalidRequestError": func(text string) string { return strings.Replace(text, `"jsonrpc":"2.0"`, `"jsonrpc":"1.0"`, 1) },
		"MethodNotFoundError": func(text string) string { return strings.Replace(text, `"method":"`, `"method":"No`, 1) },
	}
	if binding == "JSONRPC" {
		a.text = change[result]
		return a, ""
	}
	if result == "MethodNotFoundError" {
		return asked{}, "what is no method is no resource (404) or no method of gRPC (UNIMPLEMENTED), of which no agent is asked"
	}
	if binding == "GRPC" {
		return asked{}, "what is no protobuf is refused by the gRPC library"
	}
	if result == "InvalidRequestError" {
		return asked{}, "a request has no envelope"
	}
	if verb, _ := a.address(b.t); verb != "POST" || a.method == "CancelTask" || a.method == "SubscribeToTask" {
		return asked{}, "there is no body to parse"
	}
	a.text = change[result]
	return a, ""
}

// wrong has parameters that no request may have.
func wrong(b *bench, method, binding string) (asked, string) {
	switch method {
	case "SendMessage", "SendStreamingMessage":
		a := say("x", func(r *a2apb.SendMessageRequest) { r.Message.Parts = nil })
		a.method = method
		return a, ""
	case "GetTask":
		return get(b.send("carded", "ask").Id, proto.Int32(-1)), ""
	case "ListTasks":
		return list(&a2apb.ListTasksRequest{PageSize: proto.Int32(101)}), ""
	case "CreateTaskPushNotificationConfig":
		return hook(b.send("carded", "ask").Id, "ftp://hooks.example.com/"), ""
	case "ListTaskPushNotificationConfigs":
		return asked{method: method, req: &a2apb.ListTaskPushNotificationConfigsRequest{TaskId: nowhere, PageSize: -1}}, ""
	case "GetExtendedAgentCard":
		return asked{}, "it has no parameters"
	}
	if binding == "HTTP+JSON" {
		return asked{}, "its parameters are its address: without them it is another resource"
	}
	a := asked{method: method, req: newRequest(b.t, method)}
	proto.Reset(a.req) // no id
	return a, ""
}

// refused asks for what the agent, or the state of the task, does not allow.
func refused(b *bench, method, result string) (asked, string) {
	switch result {
	case "TaskNotFoundError":
		return strange(method)
	case "TaskNotCancelableError":
		if method == "CancelTask" {
			return cancel(b.send("carded", "echo hi").Id), ""
		}
		return asked{}, "it cancels nothing"
	case "PushNotificationNotSupportedError":
		return unheard(method)
	case "UnsupportedOperationError":
		return finished(b, method)
	case "ContentTypeNotSupportedError":
		if !sends(method) {
			return asked{}, "it carries no content"
		}
		a := say("x", func(r *a2apb.SendMessageRequest) { r.Message.Parts[0].MediaType = "image/png" }).of("acme/picky")
		a.method = method
		return a, ""
	case "ExtendedAgentCardNotConfiguredError":
		if method == "GetExtendedAgentCard" {
			return asked{method: method, req: &a2apb.GetExtendedAgentCardRequest{}, agent: "acme/open"}, ""
		}
		return asked{}, "it asks for no card"
	}
	return asked{}, ""
}

// strange names a task that is not there.
func strange(method string) (asked, string) {
	switch {
	case sends(method):
		a := say("x", toTask(nowhere))
		a.method = method
		return a, ""
	case method == "ListTasks" || method == "GetExtendedAgentCard":
		return asked{}, "it names no task"
	case method == "GetTask":
		return get(nowhere, nil), ""
	case method == "CancelTask":
		return cancel(nowhere), ""
	case method == "SubscribeToTask":
		return subscribe(nowhere), ""
	}
	return config(method, nowhere), ""
}

// unheard has to do with webhooks, where there are none.
func unheard(method string) (asked, string) {
	switch {
	case sends(method):
		a := say("echo hi", func(r *a2apb.SendMessageRequest) {
			r.Configuration = &a2apb.SendMessageConfiguration{TaskPushNotificationConfig: &a2apb.TaskPushNotificationConfig{Url: "https://hooks.example.com/"}}
		})
		a.method = method
		return a, ""
	case pushes(method):
		return config(method, nowhere), ""
	}
	return asked{}, "it has to do with no webhook"
}

// finished asks something of a task that is over, or for a card that is not declared.
func finished(b *bench, method string) (asked, string) {
	switch {
	case sends(method):
		a := say("x", toTask(b.send("carded", "echo hi").Id))
		a.method = method
		return a, ""
	case method == "SubscribeToTask":
		return subscribe(b.send("carded", "echo hi").Id), ""
	}
	if method == "GetExtendedAgentCard" {
		return asked{method: method, req: &a2apb.GetExtendedAgentCardRequest{}, agent: "acme/picky"}, ""
	}
	return asked{}, "the operation is there for every agent and every task"
}
