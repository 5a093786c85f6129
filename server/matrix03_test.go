package server

import (
	"bufio"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"
	"google.golang.org/protobuf/proto"

	"github.com/carrelhq/carrel/server/v03"
)

// drivers03 ask as clients of 0.3 do, over the bindings that carrel has of it. Its
// gRPC is another service, which no client was found to use.
var drivers03 = []driver{{"0.3 JSONRPC", ask03RPC}, {"0.3 HTTP+JSON", ask03REST}}

// methods03 are the names of the methods in 0.3.
var methods03 = map[string]string{
	"SendMessage": "message/send", "SendStreamingMessage": "message/stream",
	"GetTask": "tasks/get", "CancelTask": "tasks/cancel", "SubscribeToTask": "tasks/resubscribe",
	"CreateTaskPushNotificationConfig": "tasks/pushNotificationConfig/set", "GetTaskPushNotificationConfig": "tasks/pushNotificationConfig/get",
	"ListTaskPushNotificationConfigs": "tasks/pushNotificationConfig/list", "DeleteTaskPushNotificationConfig": "tasks/pushNotificationConfig/delete",
	"GetExtendedAgentCard": "agent/getAuthenticatedExtendedCard",
}

// code03 is what an error's code is in 0.3, which knows nothing of extensions that
// are required.
func code03(code int) int {
	if code == -32008 {
		return -32600
	}
	return code
}

type object = map[string]any

func ask03RPC(g *grpcHouse, a asked) outcome {
	g.t.Helper()
	params, err := json.Marshal(params03(a.req))
	if err != nil {
		g.t.Fatal(err)
	}
	text := rpcBody(methods03[a.method], string(params))
	if a.text != nil {
		text = a.text(text)
	}
	return a.read03(g, g.open("POST", "/agents/"+a.agent, strings.NewReader(text), a.headers03(g)...))
}

func ask03REST(g *grpcHouse, a asked) outcome {
	g.t.Helper()
	for _, r := range v03.Resources() {
		for _, verb := range slices.Sorted(maps.Keys(r.Verbs)) { // GET before POST
			if r.Verbs[verb] != a.method {
				continue
			}
			path, query := a.expand(r.Pattern)
			query.Del("tenant")
			text := ""
			if body := body03(a.req); verb == http.MethodPost && body != nil {
				encoded, err := json.Marshal(body)
				if err != nil {
					g.t.Fatal(err)
				}
				text = string(encoded)
			} else if len(query) > 0 {
				path += "?" + query.Encode()
			}
			if a.text != nil {
				text = a.text(text)
			}
			return a.read03(g, g.open(verb, "/agents/"+a.agent+path, strings.NewReader(text), a.headers03(g)...))
		}
	}
	g.t.Fatalf("no address for %s", a.method)
	return outcome{}
}

// headers03 have no version: clients of 0.3 know of none.
func (a asked) headers03(g *grpcHouse) []string {
	if a.version == "1.0" {
		a.version = ""
	}
	return a.headers(g)
}

// params03 are the parameters of a method in JSON-RPC.
func params03(req proto.Message) object {
	switch r := req.(type) {
	case *a2apb.SendMessageRequest:
		return object{"message": message03(r.GetMessage(), "parts"), "configuration": settings03(r, "pushNotificationConfig")}
	case *a2apb.GetTaskRequest:
		p := object{"id": r.Id}
		if r.HistoryLength != nil {
			p["historyLength"] = *r.HistoryLength
		}
		return p
	case *a2apb.TaskPushNotificationConfig:
		return object{"taskId": r.TaskId, "pushNotificationConfig": object{"id": r.Id, "url": r.Url}}
	case *a2apb.GetTaskPushNotificationConfigRequest:
		return object{"id": r.TaskId, "pushNotificationConfigId": r.Id}
	case *a2apb.DeleteTaskPushNotificationConfigRequest:
		return object{"id": r.TaskId, "pushNotificationConfigId": r.Id}
	case *a2apb.ListTaskPushNotificationConfigsRequest:
		return object{"id": r.TaskId}
	case interface{ GetId() string }:
		return object{"id": r.GetId()}
	}
	return object{}
}

// body03 is the body of a request in HTTP+JSON, nil for none.
func body03(req proto.Message) object {
	switch r := req.(type) {
	case *a2apb.SendMessageRequest:
		return object{"message": message03(r.GetMessage(), "content"), "configuration": settings03(r, "pushNotification")}
	case *a2apb.TaskPushNotificationConfig:
		task := "tasks/" + r.TaskId
		return object{"parent": task, "configId": r.Id, "config": object{
			"name": task + "/pushNotificationConfigs/" + r.Id, "pushNotificationConfig": object{"id": r.Id, "url": r.Url},
		}}
	}
	return nil
}

// settings03 are those of a call that waits, as all do in 1.0.
func settings03(r *a2apb.SendMessageRequest, webhook string) object {
	c := object{"blocking": true}
	if url := r.GetConfiguration().GetTaskPushNotificationConfig().GetUrl(); url != "" {
		c[webhook] = object{"url": url}
	}
	return c
}

// message03 is a message with its parts under a name: JSON-RPC and HTTP+JSON differ in all.
func message03(m *a2apb.Message, parts string) object {
	list := []object{}
	out := object{"messageId": m.GetMessageId(), parts: &list, "role": "ROLE_USER"}
	if parts == "parts" {
		out["kind"], out["role"] = "message", "user"
	}
	if m.GetTaskId() != "" {
		out["taskId"] = m.GetTaskId()
	}
	for _, p := range m.GetParts() {
		switch {
		case p.MediaType != "" && parts == "parts":
			list = append(list, object{"kind": "file", "file": object{"bytes": "eA==", "mimeType": p.MediaType}})
		case p.MediaType != "":
			list = append(list, object{"file": object{"fileWithBytes": "eA==", "mimeType": p.MediaType}})
		case parts == "parts":
			list = append(list, object{"kind": "text", "text": p.GetText()})
		default:
			list = append(list, object{"text": p.GetText()})
		}
	}
	return out
}

// read03 reads an answer, or a stream to its end. Of an error it has the code.
func (a asked) read03(g *grpcHouse, resp *http.Response) outcome {
	g.t.Helper()
	defer resp.Body.Close()
	good := outcome{results: []proto.Message{a.req}}
	if strings.HasPrefix(resp.Header.Get("Content-Type"), typeEvents) {
		return a.read03Stream(g, resp, good)
	}
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		g.t.Fatal(err)
	}
	return failed03(text, resp.StatusCode, good)
}

func (a asked) read03Stream(g *grpcHouse, resp *http.Response, o outcome) outcome {
	lines := bufio.NewScanner(resp.Body)
	for first := true; lines.Scan(); {
		data, ok := strings.CutPrefix(lines.Text(), "data: ")
		if !ok {
			continue
		}
		if subscribed, ok := a.req.(*a2apb.SubscribeToTaskRequest); ok && first && a.onEvent != nil {
			a.onEvent(&a2apb.StreamResponse{Payload: &a2apb.StreamResponse_Task{Task: &a2apb.Task{Id: subscribed.Id}}})
		}
		first = false
		o = failed03([]byte(data), resp.StatusCode, o)
	}
	return o
}

// failed03 is the error in an answer, and good where there is none.
func failed03(text []byte, status int, good outcome) outcome {
	var body struct {
		Code  int
		Error struct{ Code int }
	}
	_ = json.Unmarshal(text, &body) // a list is no error
	switch {
	case body.Code < 0:
		return outcome{code: body.Code, http: status, reason: "of 0.3"}
	case body.Error.Code != 0:
		return outcome{code: body.Error.Code, http: status, reason: "of 0.3"}
	}
	return good
}

// ways03 is ways for clients of 0.3.
func ways03(b *bench, method, result, binding string) (asked, string) {
	rpc := binding == "0.3 JSONRPC"
	switch {
	case rpc && method == "ListTasks":
		return asked{}, "0.3 has no such method in JSON-RPC"
	case result == "VersionNotSupportedError":
		return asked{}, "what names another version is not of 0.3"
	case method == "SubscribeToTask" && result == "UnsupportedOperationError":
		return asked{}, "a stream of a task that is over shows the task, and ends"
	case method == "GetExtendedAgentCard" && result == "UnsupportedOperationError":
		return asked{}, "a card that is not declared is as one that is not configured"
	case method == "ListTaskPushNotificationConfigs" && result == "InvalidParamsError":
		return asked{}, "it names a task, and nothing else"
	case method == "GetExtendedAgentCard" && result == "JSONParseError" && !rpc:
		return asked{}, "there is no body to parse"
	}
	a, reason := ways(b, method, result, strings.TrimPrefix(binding, "0.3 "))
	if result == "MethodNotFoundError" {
		a.version = "0.3" // else what is no method of 0.3 is of 1.0
	}
	return a, reason
}
