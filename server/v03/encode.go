package v03

import (
	"encoding/json"
	"fmt"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// Append appends to dst what a 1.0 reply, event or card is in a dialect: the
// result of a JSON-RPC response, the body of a REST response, or the data of one
// event. A webhook of 0.3 is sent the task, in JSONRPC. Cards are those of
// [Card], whatever the dialect.
//
// The reply is read only, and may be shared. On error, which means that it is
// none of 0.3 or holds what JSON cannot (text that is not UTF-8, numbers that
// are not finite, times out of range), the result is nil and what is behind the
// length of dst undefined.
func Append(dst []byte, reply proto.Message, d Dialect) ([]byte, error) {
	w := &writer{dialect: d, buf: dst}
	switch d {
	case EitherFastA2A:
		w.dialect, w.twins = JSONRPC, true
	case RESTOnce:
		w.dialect, w.once = REST, true
	}
	switch reply := reply.(type) {
	case *a2apb.SendMessageResponse:
		w.sent(reply)
	case *a2apb.StreamResponse:
		w.event(reply)
	case *a2apb.Task:
		w.task(reply)
	case *a2apb.ListTasksResponse:
		w.page(reply)
	case *a2apb.TaskPushNotificationConfig:
		w.config(reply)
	case *a2apb.ListTaskPushNotificationConfigsResponse:
		w.configs(reply)
	case *emptypb.Empty:
		w.empty()
	case *a2apb.AgentCard:
		w.card(reply)
	default:
		w.fail(fmt.Errorf("v03: no reply of 0.3 is a %T", reply))
	}
	if w.err != nil {
		return nil, w.err
	}
	return w.buf, nil
}

// wrap writes what write writes under the name of its kind, unless the dialect
// has the kind inside.
func (w *writer) wrap(name string, write func()) {
	if w.dialect == JSONRPC {
		write()
		return
	}
	w.raw(`{"` + name + `":`)
	write()
	w.raw("}")
}

func (w *writer) sent(r *a2apb.SendMessageResponse) {
	if m := r.GetMessage(); m != nil {
		w.wrap("message", func() { w.message(m) })
		return
	}
	w.wrap("task", func() { w.task(r.GetTask()) })
}

func (w *writer) event(r *a2apb.StreamResponse) {
	switch e := r.GetPayload().(type) {
	case *a2apb.StreamResponse_Message:
		w.wrap("message", func() { w.message(e.Message) })
	case *a2apb.StreamResponse_StatusUpdate:
		w.wrap("statusUpdate", func() { w.statusUpdate(e.StatusUpdate) })
	case *a2apb.StreamResponse_ArtifactUpdate:
		w.wrap("artifactUpdate", func() { w.artifactUpdate(e.ArtifactUpdate) })
	default:
		w.wrap("task", func() { w.task(r.GetTask()) })
	}
}

// empty is the reply to a deletion. Python's client wants a body over REST.
func (w *writer) empty() {
	if w.dialect == REST {
		w.raw("{}")
		return
	}
	w.raw("null")
}

// open begins an object that says its kind where the dialect has kinds.
func (w *writer) open(kind string) {
	w.raw("{")
	if w.dialect == JSONRPC {
		w.member("kind", kind)
	}
}

func (w *writer) task(t *a2apb.Task) {
	w.open("task")
	w.member("id", t.GetId())
	w.member("contextId", t.GetContextId())
	w.status(t.GetStatus())
	if len(t.GetArtifacts()) > 0 {
		w.name("artifacts")
		list(w, t.GetArtifacts(), w.artifact)
	}
	if len(t.GetHistory()) > 0 {
		w.name("history")
		list(w, t.GetHistory(), w.message)
	}
	w.metadata(t.GetMetadata())
	w.raw("}")
}

func (w *writer) page(p *a2apb.ListTasksResponse) {
	w.raw(`{"tasks":`)
	list(w, p.GetTasks(), w.task)
	w.member("nextPageToken", p.GetNextPageToken())
	w.raw("}")
}

func (w *writer) status(s *a2apb.TaskStatus) {
	w.name("status")
	w.raw("{")
	w.member("state", stateWord(s.GetState(), w.dialect))
	if m := s.GetMessage(); m != nil {
		w.name("message")
		w.message(m)
	}
	w.timestamp(s.GetTimestamp())
	w.raw("}")
}

func (w *writer) timestamp(t *timestamppb.Timestamp) {
	if t != nil {
		w.name("timestamp")
		w.time(t)
	}
}

func (w *writer) artifact(a *a2apb.Artifact) {
	w.raw("{")
	w.member("artifactId", a.GetArtifactId())
	w.optional("name", a.GetName())
	w.optional("description", a.GetDescription())
	w.parts("parts", a.GetParts())
	w.texts("extensions", a.GetExtensions())
	w.metadata(a.GetMetadata())
	w.raw("}")
}

func (w *writer) statusUpdate(e *a2apb.TaskStatusUpdateEvent) {
	w.open("status-update")
	w.member("taskId", e.GetTaskId())
	w.member("contextId", e.GetContextId())
	w.status(e.GetStatus())
	if w.dialect != FastA2A {
		w.flag("final", Final(e.GetStatus().GetState()))
	}
	w.metadata(e.GetMetadata())
	w.raw("}")
}

// Final reports whether clients of 0.3 stop to read a stream at an event with
// this state: the task has ended, or asks for input. It has not when it waits
// for an authorization that arrives by another way.
func Final(s a2apb.TaskState) bool {
	switch s {
	case a2apb.TaskState_TASK_STATE_COMPLETED, a2apb.TaskState_TASK_STATE_FAILED,
		a2apb.TaskState_TASK_STATE_CANCELED, a2apb.TaskState_TASK_STATE_REJECTED,
		a2apb.TaskState_TASK_STATE_INPUT_REQUIRED:
		return true
	}
	return false
}

func (w *writer) artifactUpdate(e *a2apb.TaskArtifactUpdateEvent) {
	w.open("artifact-update")
	w.member("taskId", e.GetTaskId())
	w.member("contextId", e.GetContextId())
	w.name("artifact")
	w.artifact(e.GetArtifact())
	if e.GetAppend() {
		w.flag("append", true)
	}
	if e.GetLastChunk() {
		w.flag("lastChunk", true)
	}
	w.metadata(e.GetMetadata())
	w.raw("}")
}

func (w *writer) card(c *a2apb.AgentCard) {
	object, err := Card(c)
	if err != nil {
		w.fail(err)
		return
	}
	encoded, err := json.Marshal(object)
	if err != nil {
		w.fail(err)
		return
	}
	w.buf = append(w.buf, encoded...)
}
