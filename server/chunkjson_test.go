package server

import (
	"strings"
	"testing"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
)

func chunkOf(a *a2apb.Artifact, set func(*a2apb.TaskArtifactUpdateEvent)) *a2apb.StreamResponse {
	u := &a2apb.TaskArtifactUpdateEvent{TaskId: "t", ContextId: "c", Artifact: a}
	if set != nil {
		set(u)
	}
	return &a2apb.StreamResponse{Payload: &a2apb.StreamResponse_ArtifactUpdate{ArtifactUpdate: u}}
}

// TestOnlyChunksOfTextAreWrittenWithoutReflection and all events as ProtoJSON has them.
func TestOnlyChunksOfTextAreWrittenWithoutReflection(t *testing.T) {
	t.Parallel()
	data := &structpb.Struct{Fields: map[string]*structpb.Value{"k": structpb.NewStringValue("v")}}
	words := text("x")
	for _, tt := range []struct {
		name  string
		event *a2apb.StreamResponse
		quick bool
	}{
		{"a chunk", chunkOf(&a2apb.Artifact{ArtifactId: "a", Parts: words}, func(u *a2apb.TaskArtifactUpdateEvent) { u.Append = true }), true},
		{"the last one, of a name", chunkOf(&a2apb.Artifact{ArtifactId: "a", Name: "n", Description: "d", Parts: words}, func(u *a2apb.TaskArtifactUpdateEvent) { u.LastChunk = true }), true},
		{"parts", chunkOf(&a2apb.Artifact{Parts: []*a2apb.Part{
			{Content: &a2apb.Part_Text{}}, {Content: &a2apb.Part_Text{Text: "\"\\\n\x01\x7f\u2028é😀"}, MediaType: "text/plain", Filename: "f"},
		}}, nil), true},
		{"no parts", chunkOf(&a2apb.Artifact{ArtifactId: "a"}, nil), false},
		{"data", chunkOf(&a2apb.Artifact{Parts: []*a2apb.Part{{Content: &a2apb.Part_Data{Data: structpb.NewStructValue(data)}}}}, nil), false},
		{"bytes", chunkOf(&a2apb.Artifact{Parts: []*a2apb.Part{{Content: &a2apb.Part_Raw{Raw: []byte("x")}}}}, nil), false},
		{"a part with metadata", chunkOf(&a2apb.Artifact{Parts: []*a2apb.Part{{Content: &a2apb.Part_Text{}, Metadata: data}}}, nil), false},
		{"an artifact with metadata", chunkOf(&a2apb.Artifact{Parts: words, Metadata: data}, nil), false},
		{"an artifact with extensions", chunkOf(&a2apb.Artifact{Parts: words, Extensions: []string{"e"}}, nil), false},
		{"an event with metadata", chunkOf(&a2apb.Artifact{Parts: words}, func(u *a2apb.TaskArtifactUpdateEvent) { u.Metadata = data }), false},
		{"no artifact", chunkOf(nil, nil), false},
		{"no UTF-8", chunkOf(&a2apb.Artifact{Parts: text("\xff")}, nil), false},
		{"a status", &a2apb.StreamResponse{Payload: &a2apb.StreamResponse_StatusUpdate{StatusUpdate: &a2apb.TaskStatusUpdateEvent{TaskId: "t"}}}, false},
		{"nothing", &a2apb.StreamResponse{}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, quick := appendChunk([]byte("before"), tt.event)
			if quick != tt.quick || !strings.HasPrefix(string(got), "before") || !quick && string(got) != "before" {
				t.Fatalf("got %s, %t, want %t", got, quick, tt.quick)
			}
			whole, err := encodeEvent(tt.event)
			if want, wantErr := protojson.Marshal(tt.event); (err != nil) != (wantErr != nil) || err == nil && !sameJSON(t, whole, want) {
				t.Errorf("got %s, %v, want %s, %v", whole, err, want, wantErr)
			}
		})
	}
}

// sameJSON tells whether both are the same event: ProtoJSON puts in spaces at random.
func sameJSON(t *testing.T, got, want []byte) bool {
	t.Helper()
	a, b := &a2apb.StreamResponse{}, &a2apb.StreamResponse{}
	if err := protojson.Unmarshal(got, a); err != nil {
		t.Error(err)
	}
	if err := protojson.Unmarshal(want, b); err != nil {
		t.Error(err)
	}
	return proto.Equal(a, b)
}

func FuzzAppendChunk(f *testing.F) {
	f.Add("t", "c", "a", "n", "text", "text/plain", true, false)
	f.Add("", "", "", "", "\x00\"\\\u2028\xed\xa0\x80", "\n", false, true)
	f.Fuzz(func(t *testing.T, task, context, id, name, words, media string, more, last bool) {
		event := chunkOf(&a2apb.Artifact{ArtifactId: id, Name: name, Parts: []*a2apb.Part{{Content: &a2apb.Part_Text{Text: words}, MediaType: media}}},
			func(u *a2apb.TaskArtifactUpdateEvent) {
				u.TaskId, u.ContextId, u.Append, u.LastChunk = task, context, more, last
			})
		want, err := protojson.Marshal(event)
		got, ok := appendChunk(nil, event)
		if ok != (err == nil) {
			t.Fatalf("got %t, ProtoJSON says %v", ok, err)
		}
		if ok && !sameJSON(t, got, want) {
			t.Errorf("got %s, want %s", got, want)
		}
	})
}
