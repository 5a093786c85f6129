package v03

import (
	"encoding/json"
	"errors"
	"testing"
	"unicode/utf8"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"
	"golang.org/x/tools/txtar"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
)

// FuzzDecode decodes anything as every request. What is accepted is JSON, and a
// message stays what it is when it is written and read again.
func FuzzDecode(f *testing.F) {
	for _, file := range []string{"python-jsonrpc", "python-rest", "js-rest", "fasta2a-0.6.1", "fasta2a-2.1.1"} {
		archive, err := txtar.ParseFile("testdata/clients/" + file + ".txtar")
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range archive.Files {
			f.Add(file.Data)
		}
	}
	for _, seed := range []string{`{"message":{"parts":[{"data":{"value":1},"metadata":{"data_part_compat":true}}]}}`, `{"message_":null,"a":[1 2]}`, `{"message":{"content":[{"data":{"data":{}}}]}}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, like := range requests {
			for _, binding := range []Dialect{JSONRPC, REST} {
				req := proto.Clone(like)
				d, err := Decode(data, req, binding)
				var field *FieldError
				switch {
				case err != nil && !errors.As(err, &field):
					t.Fatalf("%v is not the caller's fault", err)
				case err != nil:
				case data != nil && !json.Valid(data):
					t.Fatal("accepted what is no JSON")
				default:
					if send, ok := req.(*a2apb.SendMessageRequest); ok && send.Message != nil {
						checkRoundTrip(t, send.Message, d)
					}
				}
			}
		}
	})
}

// FuzzEncode writes any message of 1.0 in every dialect and reads it again. It
// writes events with the message in them, too, and asks no more of those than
// that they are JSON.
func FuzzEncode(f *testing.F) {
	for _, seed := range []string{
		`{"messageId":"m","role":"ROLE_USER","parts":[{"text":"a\u0001\"\\\u2028"},{"raw":"AAEC","mediaType":"a/b"},{"url":"u","filename":"f"}]}`,
		`{"parts":[{"data":{"a":[1,null,1e300,-0.5]}},{"data":[true]},{"data":null,"metadata":{"k":{}}}],"metadata":{},"extensions":["e"],"referenceTaskIds":["t"]}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m := &a2apb.Message{}
		if protojson.Unmarshal(data, m) != nil {
			return
		}
		status := &a2apb.TaskStatus{Message: m}
		artifact := &a2apb.Artifact{Parts: m.GetParts(), Metadata: m.GetMetadata()}
		for d := range dialects {
			checkRoundTrip(t, m, d)
			for _, e := range []*a2apb.StreamResponse{
				{Payload: &a2apb.StreamResponse_Message{Message: m}},
				{Payload: &a2apb.StreamResponse_Task{Task: &a2apb.Task{Status: status, History: []*a2apb.Message{m}, Artifacts: []*a2apb.Artifact{artifact}}}},
				{Payload: &a2apb.StreamResponse_StatusUpdate{StatusUpdate: &a2apb.TaskStatusUpdateEvent{Status: status, Metadata: m.GetMetadata()}}},
				{Payload: &a2apb.StreamResponse_ArtifactUpdate{ArtifactUpdate: &a2apb.TaskArtifactUpdateEvent{Artifact: artifact}}},
			} {
				if encoded, err := Append(nil, e, d); err == nil && !json.Valid(encoded) {
					t.Errorf("no JSON: %s", encoded)
				}
			}
		}
	})
}

// checkRoundTrip holds what a message is after it was written and read against
// what 0.3 can say of it.
func checkRoundTrip(t *testing.T, m *a2apb.Message, d Dialect) {
	t.Helper()
	w := &writer{dialect: d}
	w.raw(`{"message":`)
	w.message(m)
	w.raw(`}`)
	if w.err != nil || !utf8.Valid(w.buf) || !sayable(m, d) {
		return
	}
	binding := JSONRPC
	if d == REST {
		binding = REST
	}
	var req a2apb.SendMessageRequest
	if _, err := Decode(w.buf, &req, binding); err != nil {
		t.Fatalf("cannot read what was written: %v in %s", err, w.buf)
	}
	if want := said(m, d); !proto.Equal(req.Message, want) {
		t.Errorf("got %v, want %v, by %s", req.Message, want, w.buf)
	}
}

// sayable reports whether the dialect has words for all that a message is.
func sayable(m *a2apb.Message, d Dialect) bool {
	if depth(structpb.NewStructValue(m.GetMetadata())) > maxDepth {
		return false
	}
	for _, p := range m.GetParts() {
		_, marked := p.GetMetadata().GetFields()[wrapped]
		_, null := p.GetData().GetKind().(*structpb.Value_NullValue)
		if p.GetContent() == nil || marked || null && d == FastA2A || depth(p.GetData()) > maxDepth-1 || depth(structpb.NewStructValue(p.GetMetadata())) > maxDepth {
			return false
		}
	}
	return true
}

func depth(v *structpb.Value) int {
	deepest := 0
	for _, e := range v.GetListValue().GetValues() {
		deepest = max(deepest, depth(e))
	}
	for _, e := range v.GetStructValue().GetFields() {
		deepest = max(deepest, depth(e))
	}
	return deepest + 1
}

// said is what a dialect says of a message.
func said(m *a2apb.Message, d Dialect) *a2apb.Message {
	m = proto.CloneOf(m)
	m.Role = rolesByWord[roleWord(m.GetRole(), d)]
	if d == REST {
		m.ReferenceTaskIds = nil
	}
	for _, p := range m.GetParts() {
		if _, object := p.GetData().GetKind().(*structpb.Value_StructValue); len(p.GetMetadata().GetFields()) == 0 && p.GetData() != nil && !object && d != FastA2A {
			p.Metadata = nil
		}
		switch p.GetContent().(type) {
		case *a2apb.Part_Text, *a2apb.Part_Data:
			if d != FastA2A {
				p.Filename, p.MediaType = "", ""
			}
		}
	}
	return m
}
