package server

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"
	"google.golang.org/grpc/encoding"
	protocodec "google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/structpb"
)

// within puts the message into another, as its field of that number.
func within(number protowire.Number, message []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(nil, number, protowire.BytesType), message)
}

func TestMessagesAreCountedBeforeTheyAreDecoded(t *testing.T) {
	t.Parallel()
	deep := bytes.Repeat([]byte{0x0a, 0}, 3*maxValues) // a list of values
	for range maxNesting {
		deep = within(1, within(6, deep))
	}
	fine, err := proto.Marshal(ask(strings.Repeat("x", 4*maxValues)))
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		data []byte
		want error
	}{
		"a long text":              {data: fine},
		"empty parts":              {data: within(2, bytes.Repeat([]byte{0x2a, 0}, 2*maxValues)), want: errTooLarge},
		"empty references":         {data: within(2, bytes.Repeat([]byte{0x42, 0}, 2*maxValues)), want: errTooLarge},
		"one message in pieces":    {data: bytes.Repeat([]byte{0x12, 0}, 2*maxValues), want: errTooLarge},
		"values nested too deep":   {data: within(4, within(1, within(2, within(6, deep)))), want: errTooLarge},
		"fields that nobody knows": {data: bytes.Repeat([]byte{0x78, 0}, 2*maxValues)},
		"no protobuf":              {data: append(bytes.Clone(fine), 0xff), want: errInvalidRequest},
		"no protobuf, and short":   {data: []byte{0xff}, want: errInvalidRequest},
		"text that is not UTF-8":   {data: within(1, []byte{0xff}), want: errInvalidRequest},
	} {
		req := &a2apb.SendMessageRequest{}
		codec := boundedCodec{encoding.GetCodecV2(protocodec.Name)}
		if err := codec.Unmarshal(mem.BufferSlice{mem.SliceBuffer(test.data)}, req); err != nil {
			t.Errorf("%s: got %v from the codec, which gRPC sends as it is", name, err)
		}
		if err := checkDecoded(req); !errors.Is(err, test.want) {
			t.Errorf("%s: got %v, want %v", name, err, test.want)
		}
	}
}

// FuzzCountValues holds that no message has more in it than was counted.
func FuzzCountValues(f *testing.F) {
	for _, depth := range []int{0, 3, maxDepth} {
		req := ask("hi")
		req.Message.ReferenceTaskIds = []string{"a", "b"}
		req.Metadata = &structpb.Struct{Fields: map[string]*structpb.Value{"x": nested(depth)}}
		seed, err := proto.Marshal(req)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		req := &a2apb.SendMessageRequest{}
		counted := countValues(data, req.ProtoReflect().Descriptor(), maxNesting)
		if len(data) > maxValues || proto.Unmarshal(data, req) != nil {
			return
		}
		if held := heldBy(req.ProtoReflect()) - 1; held > counted {
			t.Errorf("%x: %d values, %d were counted", data, held, counted)
		}
	})
}

// heldBy counts the messages and elements of lists in m, and m.
func heldBy(m protoreflect.Message) int {
	n := 1
	m.Range(func(field protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case field.IsMap():
			v.Map().Range(func(_ protoreflect.MapKey, entry protoreflect.Value) bool {
				n += heldBy(entry.Message())
				return true
			})
		case field.IsList() && field.Message() != nil:
			for i := range v.List().Len() {
				n += heldBy(v.List().Get(i).Message())
			}
		case field.IsList():
			n += v.List().Len()
		case field.Message() != nil:
			n += heldBy(v.Message())
		}
		return true
	})
	return n
}
