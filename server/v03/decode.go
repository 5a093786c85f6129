package v03

import (
	"fmt"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"
	"google.golang.org/protobuf/proto"
)

// Decode reads a request of 0.3, the params of JSON-RPC or the body of REST, into
// the 1.0 request that means the same. The binding is JSONRPC or REST. The result
// is the dialect to answer in: the binding's, or FastA2A where the message of a
// JSON-RPC request has the shape of that.
//
// The data must be bounded in size and valid UTF-8; nil is an empty object.
// Anything that is no JSON object, names a member twice, or has a value of the
// wrong kind is a *[FieldError]; unknown members are ignored, and null is as good
// as absent. req is void then. Required fields are not asked for: the operations
// do that. References to other fields are theirs to check, too: in REST, those to
// the task in the body and in the address.
//
// 1.0 knows one authentication scheme for a webhook: the first is taken. A request
// for a push config without an id, as 0.3 allows, has none here either, and means
// any config of the task. The type of req must be that of an operation of 0.3.
func Decode(data []byte, req proto.Message, binding Dialect) (Dialect, error) {
	if data == nil {
		data = []byte("{}")
	}
	r := newReader(data, binding)
	proto.Reset(req)
	switch req := req.(type) {
	case *a2apb.SendMessageRequest:
		r.send(req)
	case *a2apb.GetTaskRequest:
		r.taskQuery(&req.Id, &req.HistoryLength)
	case *a2apb.CancelTaskRequest:
		r.cancel(req)
	case *a2apb.SubscribeToTaskRequest:
		r.taskQuery(&req.Id, nil)
	case *a2apb.TaskPushNotificationConfig:
		r.createConfig(req)
	case *a2apb.GetTaskPushNotificationConfigRequest:
		r.configQuery(&req.TaskId, &req.Id)
	case *a2apb.ListTaskPushNotificationConfigsRequest:
		r.configQuery(&req.TaskId, nil)
	case *a2apb.DeleteTaskPushNotificationConfigRequest:
		r.configQuery(&req.TaskId, &req.Id)
	case *a2apb.GetExtendedAgentCardRequest:
		r.object(func(string) bool { return false })
	default:
		return binding, fmt.Errorf("v03: no request of 0.3 is a %T", req)
	}
	return r.dialect, r.end()
}

func (r *reader) send(req *a2apb.SendMessageRequest) {
	r.object(func(name string) bool {
		switch {
		case name == "message",
			name == "request" && r.dialect == REST: // the field's own name in the proto, which a2a-sdk for Python sends
			req.Message = r.message()
		case name == "configuration":
			req.Configuration = r.configuration()
		case name == "metadata":
			req.Metadata = r.members()
		case name == "tenant": // of FastA2A
			req.Tenant = r.text()
		default:
			return false
		}
		return true
	})
}

func (r *reader) configuration() *a2apb.SendMessageConfiguration {
	c := &a2apb.SendMessageConfiguration{}
	// A boolean that ProtoJSON leaves out is false; in the schema, clients and
	// servers take none for true.
	blocking := r.dialect != REST
	r.object(func(name string) bool {
		switch {
		case name == "acceptedOutputModes":
			c.AcceptedOutputModes = r.texts()
		case name == "blocking":
			blocking = r.boolean()
		case name == "historyLength":
			c.HistoryLength = r.integer()
		case name == "pushNotification" && r.dialect == REST,
			name == "pushNotificationConfig" && r.dialect != REST,
			name == "taskPushNotificationConfig" && r.dialect != REST: // of FastA2A
			c.TaskPushNotificationConfig = &a2apb.TaskPushNotificationConfig{}
			r.config(c.TaskPushNotificationConfig)
		default:
			return false
		}
		return true
	})
	c.ReturnImmediately = !blocking
	if r.dialect == REST && c.GetHistoryLength() == 0 {
		c.HistoryLength = nil // the proto of 0.3 cannot tell 0 from none
	}
	return c
}

func (r *reader) taskQuery(id *string, historyLength **int32) {
	r.object(func(name string) bool {
		switch {
		case name == "id":
			*id = r.text()
		case name == "historyLength" && historyLength != nil:
			*historyLength = r.integer()
		default:
			return false
		}
		return true
	})
}

func (r *reader) cancel(req *a2apb.CancelTaskRequest) {
	r.object(func(name string) bool {
		switch name {
		case "id":
			req.Id = r.text()
		case "metadata":
			req.Metadata = r.members()
		default:
			return false
		}
		return true
	})
}
