package server

import (
	"io"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/status"
)

// bytesCodec sends and takes messages as the bytes they are.
type bytesCodec struct{}

func (bytesCodec) Name() string { return "proto" }

func (bytesCodec) Marshal(v any) (mem.BufferSlice, error) {
	return mem.BufferSlice{mem.SliceBuffer(v.([]byte))}, nil
}

func (bytesCodec) Unmarshal(data mem.BufferSlice, v any) error {
	*v.(*[]byte) = data.Materialize()
	return nil
}

// TestWhatGRPCRefusesHasItsReason sends what no generated client does: it never
// gets to an operation, and is refused with details all the same.
func TestWhatGRPCRefusesHasItsReason(t *testing.T) {
	t.Parallel()
	g := newGRPCHouse(t)
	const service = "/lf.a2a.v1.A2AService/"
	for name, test := range map[string]struct {
		method, body string
		code         codes.Code
		reason       string
	}{
		"a method of no service":            {"/lf.a2a.v2.A2AService/GetTask", "", codes.Unimplemented, "METHOD_NOT_FOUND"},
		"no method of the service":          {service + "Gettask", "", codes.Unimplemented, "METHOD_NOT_FOUND"},
		"a method without a service":        {"/GetTask", "", codes.Unimplemented, "METHOD_NOT_FOUND"},
		"a name that is none":               {"/", "", codes.Unimplemented, "METHOD_NOT_FOUND"},
		"no protobuf":                       {service + "GetTask", "\xff\xff", codes.InvalidArgument, "INVALID_REQUEST"},
		"no protobuf, to a stream":          {service + "SubscribeToTask", "\x0a\x05x", codes.InvalidArgument, "INVALID_REQUEST"},
		"text that is not UTF-8":            {service + "GetTask", "\x12\x01\xff", codes.InvalidArgument, "INVALID_REQUEST"},
		"an empty message is a message":     {service + "GetTask", "", codes.NotFound, "AGENT_NOT_FOUND"},
		"an empty message, without its key": {service + "ListTasks", "\x0a\x0bacme/carded", codes.Unauthenticated, "UNAUTHENTICATED"},
	} {
		var reply []byte
		stream, err := g.conn.NewStream(g.as(""), &grpc.StreamDesc{ServerStreams: true}, test.method, grpc.ForceCodecV2(bytesCodec{}))
		if err != nil {
			t.Fatal(err)
		}
		if err := stream.SendMsg([]byte(test.body)); err != nil && err != io.EOF {
			t.Fatal(err)
		}
		if err := stream.CloseSend(); err != nil {
			t.Fatal(err)
		}
		err = stream.RecvMsg(&reply)
		if status.Code(err) != test.code || reasonOf(err) != test.reason {
			t.Errorf("%s: got %v %q, want %v %s", name, err, reasonOf(err), test.code, test.reason)
		}
	}
}

// TestWhatGRPCRefusesWithoutAReason holds that the page of limits is right about
// what no option of grpc-go lets us explain; should one come, it fails.
func TestWhatGRPCRefusesWithoutAReason(t *testing.T) {
	t.Parallel()
	g := newGRPCHouse(t, func(_ *parts, o *Options) { o.MaxBody = 100 })
	var reply []byte
	err := g.conn.Invoke(g.as("acme"), "/lf.a2a.v1.A2AService/GetTask", make([]byte, 101), &reply, grpc.ForceCodecV2(bytesCodec{}))
	if status.Code(err) != codes.ResourceExhausted || len(status.Convert(err).Details()) != 0 {
		t.Errorf("a large message: got %v with %v", err, status.Convert(err).Details())
	}
}
