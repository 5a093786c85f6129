// Package v03 translates between the shapes of A2A 0.3 and the 1.0 types that
// everything else here is written in: requests of 0.3 clients become 1.0
// requests, 1.0 replies, events and cards become what such clients read.
//
// It is functions on bytes and messages only: it knows no HTTP, does no I/O,
// keeps no state, and is safe for concurrent use. It does not decide which
// version a client speaks, and checks nothing that the operations check anyway,
// such as required fields: only what is peculiar to 0.3.
//
// What 0.3 cannot say is left out: the media type and file name of text and data
// parts, and the tenant. What only 0.3 says (final, kind) is derived.
package v03

// Version is the protocol version that interfaces of 0.3 have in a 1.0 card.
const Version = "0.3"

// Dialect is one of the shapes that clients without 1.0 speak.
type Dialect int

const (
	// JSONRPC is the JSON schema of 0.3, as its JSON-RPC binding, its webhooks
	// and its cards have it: discriminators named kind, bare results.
	JSONRPC Dialect = iota
	// REST is ProtoJSON of the package a2a.v1, as the HTTP+JSON binding of 0.3
	// has it under /v1: content for parts, enum names, wrapped results.
	REST
	// FastA2A is what fasta2a from 2.0 sends and reads under the method names of
	// 0.3: objects of 1.0 without discriminators and with wrapped results, but
	// with the words of 0.3 for roles and states, and blocking.
	FastA2A
	// EitherFastA2A is JSONRPC with files in the form of FastA2A beside that of the
	// schema, for requests that do not tell which fasta2a they are of: before 2.0
	// it has the schema's. It is for replies only.
	EitherFastA2A
	// RESTOnce is REST with the bytes of files in base64 once, as JavaScript's client
	// reads them; those for Python and Go decode twice. It is for replies only.
	RESTOnce
)

// methods are the JSON-RPC methods of 0.3 and what they are called in 1.0. There
// is none to list tasks: only other bindings of 0.3 had that.
var methods = map[string]string{
	"message/send":                        "SendMessage",
	"message/stream":                      "SendStreamingMessage",
	"tasks/get":                           "GetTask",
	"tasks/cancel":                        "CancelTask",
	"tasks/resubscribe":                   "SubscribeToTask",
	"tasks/pushNotificationConfig/set":    "CreateTaskPushNotificationConfig",
	"tasks/pushNotificationConfig/get":    "GetTaskPushNotificationConfig",
	"tasks/pushNotificationConfig/list":   "ListTaskPushNotificationConfigs",
	"tasks/pushNotificationConfig/delete": "DeleteTaskPushNotificationConfig",
	"agent/getAuthenticatedExtendedCard":  "GetExtendedAgentCard",
}

// Method returns what a JSON-RPC method of 0.3 is called in 1.0, and false for a
// name that is none of 0.3. No name is a method of both.
func Method(name string) (v1 string, ok bool) {
	v1, ok = methods[name]
	return v1, ok
}

// Resource is an address of the HTTP+JSON binding of 0.3.
type Resource struct {
	// Pattern is the path below an agent's base. "{field}" stands for the value
	// of that field of the 1.0 request.
	Pattern string
	// Verbs are the names of the 1.0 methods by HTTP method.
	Verbs map[string]string
	// Streams is set where the answers are streams.
	Streams bool
}

// Resources returns all addresses of the HTTP+JSON binding of 0.3; the first
// match counts. Subscribing is a GET in the specification and Python's client, a
// POST in JavaScript's. The caller owns the result.
func Resources() []Resource {
	return []Resource{
		{Pattern: "/v1/message:send", Verbs: map[string]string{"POST": "SendMessage"}},
		{Pattern: "/v1/message:stream", Verbs: map[string]string{"POST": "SendStreamingMessage"}, Streams: true},
		{Pattern: "/v1/tasks", Verbs: map[string]string{"GET": "ListTasks"}},
		{Pattern: "/v1/tasks/{id}:cancel", Verbs: map[string]string{"POST": "CancelTask"}},
		{Pattern: "/v1/tasks/{id}:subscribe", Verbs: map[string]string{"GET": "SubscribeToTask", "POST": "SubscribeToTask"}, Streams: true},
		{Pattern: "/v1/tasks/{id}", Verbs: map[string]string{"GET": "GetTask"}},
		{Pattern: "/v1/tasks/{taskId}/pushNotificationConfigs", Verbs: map[string]string{
			"GET": "ListTaskPushNotificationConfigs", "POST": "CreateTaskPushNotificationConfig",
		}},
		{Pattern: "/v1/tasks/{taskId}/pushNotificationConfigs/{id}", Verbs: map[string]string{
			"GET": "GetTaskPushNotificationConfig", "DELETE": "DeleteTaskPushNotificationConfig",
		}},
		{Pattern: "/v1/card", Verbs: map[string]string{"GET": "GetExtendedAgentCard"}},
	}
}
