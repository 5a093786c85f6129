package a2ajson

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"
)

func words(texts ...string) (parts []*a2apb.Part) {
	for _, text := range texts {
		parts = append(parts, &a2apb.Part{Content: &a2apb.Part_Text{Text: text}})
	}
	return parts
}

func chunk(a *a2apb.Artifact) *a2apb.StreamResponse {
	return &a2apb.StreamResponse{Payload: &a2apb.StreamResponse_ArtifactUpdate{
		ArtifactUpdate: &a2apb.TaskArtifactUpdateEvent{TaskId: "t", ContextId: "c", Artifact: a, Append: true, LastChunk: true},
	}}
}

func status(s *a2apb.TaskStatus) *a2apb.StreamResponse {
	return &a2apb.StreamResponse{Payload: &a2apb.StreamResponse_StatusUpdate{
		StatusUpdate: &a2apb.TaskStatusUpdateEvent{TaskId: "t", ContextId: "c", Status: s},
	}}
}

var (
	said = &a2apb.Message{
		MessageId: "m", ContextId: "c", TaskId: "t", Role: a2apb.Role_ROLE_USER, Parts: words("a", ""),
		Extensions: []string{"e", "f"}, ReferenceTaskIds: []string{"r"},
	}
	given = &a2apb.Artifact{ArtifactId: "a", Name: "n", Description: "d", Parts: words("x"), Extensions: []string{"e"}}
	whole = &a2apb.Task{
		Id: "t", ContextId: "c", Artifacts: []*a2apb.Artifact{given, {}}, History: []*a2apb.Message{said, {}},
		Status: &a2apb.TaskStatus{State: a2apb.TaskState_TASK_STATE_COMPLETED, Message: said, Timestamp: timestamppb.New(time.Unix(1, 0))},
	}
)

// objects are what is written, and whether that is without reflection.
func objects() map[string]struct {
	m     proto.Message
	quick bool
} {
	data := &structpb.Struct{Fields: map[string]*structpb.Value{"k": structpb.NewStringValue("v")}}
	type object = struct {
		m     proto.Message
		quick bool
	}
	all := map[string]object{
		"a message":               {said, true},
		"an empty message":        {&a2apb.Message{}, true},
		"a role without a name":   {&a2apb.Message{Role: 7}, false},
		"a task":                  {whole, true},
		"a state without a name":  {status(&a2apb.TaskStatus{State: 77}), false},
		"an artifact":             {given, true},
		"a chunk":                 {chunk(given), true},
		"a chunk of nothing":      {chunk(nil), true},
		"no event":                {&a2apb.StreamResponse{}, false},
		"an event with a task":    {&a2apb.StreamResponse{Payload: &a2apb.StreamResponse_Task{Task: whole}}, true},
		"an event with a message": {&a2apb.StreamResponse{Payload: &a2apb.StreamResponse_Message{Message: said}}, true},
		"an event with no task":   {&a2apb.StreamResponse{Payload: &a2apb.StreamResponse_Task{}}, false},
		"an answer with a task":   {&a2apb.SendMessageResponse{Payload: &a2apb.SendMessageResponse_Task{Task: whole}}, true},
		"an answer of a message":  {&a2apb.SendMessageResponse{Payload: &a2apb.SendMessageResponse_Message{Message: said}}, true},
		"no answer":               {&a2apb.SendMessageResponse{}, false},
		"another type":            {&a2apb.AgentSkill{Id: "s"}, false},
		"characters": {&a2apb.Artifact{Parts: []*a2apb.Part{
			{Content: &a2apb.Part_Text{Text: "\"\\\n\r\t\b\f\x00\x01\x1f\x7f\u2028é😀/<>&"}, MediaType: "text/plain", Filename: "f"},
		}}, true},
		"no UTF-8":                  {&a2apb.Artifact{Parts: words("\xff")}, false},
		"data":                      {&a2apb.Artifact{Parts: []*a2apb.Part{{Content: &a2apb.Part_Data{Data: structpb.NewStructValue(data)}}}}, false},
		"bytes":                     {&a2apb.Message{Parts: []*a2apb.Part{{Content: &a2apb.Part_Raw{Raw: []byte("x")}}}}, false},
		"a part of nothing":         {&a2apb.Message{Parts: []*a2apb.Part{{}}}, false},
		"a part with metadata":      {&a2apb.Artifact{Parts: []*a2apb.Part{{Content: &a2apb.Part_Text{}, Metadata: data}}}, false},
		"an artifact with metadata": {chunk(&a2apb.Artifact{Metadata: data}), false},
		"a message with metadata":   {&a2apb.Message{Metadata: data}, false},
		"a task with metadata":      {&a2apb.Task{Metadata: data}, false},
		"a status with metadata": {&a2apb.StreamResponse{Payload: &a2apb.StreamResponse_StatusUpdate{
			StatusUpdate: &a2apb.TaskStatusUpdateEvent{Metadata: data}}}, false},
		"a chunk with metadata": {&a2apb.StreamResponse{Payload: &a2apb.StreamResponse_ArtifactUpdate{
			ArtifactUpdate: &a2apb.TaskArtifactUpdateEvent{Metadata: data}}}, false},
		"no time": {status(&a2apb.TaskStatus{Timestamp: &timestamppb.Timestamp{Nanos: -1}}), false},
	}
	for name, nanos := range map[string]int64{"whole seconds": 0, "milliseconds": 120e6, "microseconds": 123_450e3, "nanoseconds": 123_456_780} {
		all[name] = object{status(&a2apb.TaskStatus{Timestamp: timestamppb.New(time.Unix(1_700_000_000, nanos))}), true}
	}
	return all
}

func TestAppendIsProtoJSON(t *testing.T) {
	t.Parallel()
	for name, o := range objects() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := writer{ok: true}
			if w.message(o.m); w.ok != o.quick {
				t.Errorf("without reflection: %t", w.ok)
			}
			sameAsProtoJSON(t, o.m)
		})
	}
}

// sameAsProtoJSON compares letter by letter: ProtoJSON only puts in spaces at random.
func sameAsProtoJSON(t *testing.T, m proto.Message) {
	t.Helper()
	got, err := Append([]byte("before"), m)
	want, wantErr := protojson.Marshal(m)
	if (err != nil) != (wantErr != nil) {
		t.Fatalf("got %s, %v, want %s, %v", got, err, want, wantErr)
	}
	if err != nil {
		return
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, want); err != nil {
		t.Fatal(err)
	}
	after, ok := bytes.CutPrefix(got, []byte("before"))
	if rest := new(bytes.Buffer); !ok || json.Compact(rest, after) != nil || rest.String() != compact.String() {
		t.Errorf("got\n%s, want\n%s", got, compact.Bytes())
	}
}

func FuzzAppend(f *testing.F) {
	for _, o := range objects() {
		if data, err := proto.Marshal(o.m); err == nil {
			f.Add(data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, m := range []proto.Message{
			&a2apb.Message{}, &a2apb.Artifact{}, &a2apb.Task{}, &a2apb.StreamResponse{}, &a2apb.SendMessageResponse{},
		} {
			if proto.Unmarshal(data, m) == nil {
				sameAsProtoJSON(t, m)
			}
		}
	})
}
