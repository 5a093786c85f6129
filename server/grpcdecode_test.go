package server

import (
	"math"
	"testing"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
)

// nested is a list in a list, and so on.
func nested(depth int) *structpb.Value {
	v := structpb.NewStringValue("bottom")
	for range depth {
		v = structpb.NewListValue(&structpb.ListValue{Values: []*structpb.Value{v}})
	}
	return v
}

// FuzzCheckMessageValues holds that what is taken can be said in JSON, and that
// JSON is taken in turn.
func FuzzCheckMessageValues(f *testing.F) {
	for _, value := range []*structpb.Value{
		structpb.NewNumberValue(math.NaN()), {}, structpb.NewNullValue(), structpb.NewStringValue("x"),
		structpb.NewListValue(&structpb.ListValue{Values: []*structpb.Value{structpb.NewBoolValue(true), nil}}),
		structpb.NewStructValue(&structpb.Struct{Fields: map[string]*structpb.Value{"x": structpb.NewNumberValue(1)}}),
		nested(maxDepth - 6), nested(maxDepth - 5), nested(maxDepth - 4), nested(maxDepth),
	} {
		req := ask("hi")
		req.Metadata = &structpb.Struct{Fields: map[string]*structpb.Value{"x": value}}
		req.Message.Parts = append(req.Message.Parts, &a2apb.Part{Content: &a2apb.Part_Data{Data: value}})
		seed, err := proto.Marshal(req)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		req := &a2apb.SendMessageRequest{}
		if proto.Unmarshal(data, req) != nil || checkMessageValues(req.ProtoReflect(), maxNesting) != nil {
			return
		}
		text, err := protojson.Marshal(req)
		if err != nil {
			t.Fatalf("%v cannot be said in JSON: %v", req, err)
		}
		if err := checkObject(text); err != nil {
			t.Fatalf("%s is not taken: %v", text, err)
		}
	})
}
