package server

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// asked is an operation as a client asks for it, in the model of A2A 1.0.
type asked struct {
	method string
	req    proto.Message
	// agent is tenant/agent; who has the key, nobody when empty.
	agent, who string
	// version is the A2A-Version, none when empty.
	version string
	// extensions is the A2A-Extensions, none when empty.
	extensions string
	// once is the Idempotency-Key, none when empty.
	once string
	// onEvent is called with each event of a stream.
	onEvent func(*a2apb.StreamResponse)
	// text changes the JSON of the request before it is sent.
	text func(string) string
}

// outcome is what came of it: results, or an error.
type outcome struct {
	results []proto.Message
	status  string
	reason  string
	message string
	fields  []string
	// code is the JSON-RPC error code, http the status, where the binding has them.
	code, http int
}

func (o outcome) String() string {
	var out strings.Builder
	for _, r := range o.results {
		text, err := protojson.Marshal(r)
		if err != nil {
			return err.Error()
		}
		var compact bytes.Buffer
		json.Compact(&compact, text)
		fmt.Fprintf(&out, "%s %s\n", r.ProtoReflect().Descriptor().Name(), compact.Bytes())
	}
	if o.reason != "" {
		fmt.Fprintf(&out, "%s %s: %s\n", o.status, o.reason, o.message)
	}
	for _, f := range o.fields {
		fmt.Fprintf(&out, "  %s\n", f)
	}
	return out.String()
}

// driver asks over a binding.
type driver struct {
	name string
	ask  func(g *grpcHouse, a asked) outcome
}

// drivers ask over each binding.
var drivers = []driver{
	{"JSONRPC", askRPC}, {"HTTP+JSON", askREST}, {"GRPC", askGRPC},
}

func descriptor(method string) protoreflect.MethodDescriptor {
	return a2apb.File_a2av1_proto.Services().ByName("A2AService").Methods().ByName(protoreflect.Name(method))
}

// newReply is an empty reply of the method.
func newReply(t testing.TB, method string) proto.Message {
	t.Helper()
	kind, err := protoregistry.GlobalTypes.FindMessageByName(descriptor(method).Output().FullName())
	if err != nil {
		t.Fatal(err)
	}
	return kind.New().Interface()
}

func (a asked) headers(g *grpcHouse) []string {
	headers := []string{"Content-Type", typeJSON, "Accept", typeJSON}
	if a.version != "" {
		headers = append(headers, "A2A-Version", a.version)
	}
	if a.extensions != "" {
		headers = append(headers, "A2A-Extensions", a.extensions)
	}
	if a.once != "" {
		headers = append(headers, headerOnce, a.once)
	}
	if a.who != "" {
		headers = append(headers, "token", a.who)
	}
	return headers
}

func toJSON(t testing.TB, m proto.Message) []byte {
	t.Helper()
	text, err := protojson.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func askRPC(g *grpcHouse, a asked) outcome {
	g.t.Helper()
	text := rpcBody(a.method, string(toJSON(g.t, a.req)))
	if a.text != nil {
		text = a.text(text)
	}
	resp := g.open("POST", "/agents/"+a.agent, strings.NewReader(text), a.headers(g)...)
	return a.read(g, resp, func(text []byte, reply proto.Message) (outcome, error) {
		var body struct {
			Result json.RawMessage
			Error  struct {
				Code    int
				Message string
				Data    []detail
			}
		}
		if err := json.Unmarshal(text, &body); err != nil {
			return outcome{}, err
		}
		if body.Result != nil {
			return outcome{}, protojson.Unmarshal(body.Result, reply)
		}
		o := failed("", body.Error.Message, body.Error.Data)
		o.code, o.http = body.Error.Code, resp.StatusCode
		return o, nil
	})
}

func askREST(g *grpcHouse, a asked) outcome {
	g.t.Helper()
	verb, path := a.address(g.t)
	text := string(toJSON(g.t, a.req))
	switch {
	case verb != http.MethodPost:
		text = ""
	case a.text != nil:
		text = a.text(text)
	}
	resp := g.open(verb, "/agents/"+a.agent+path, strings.NewReader(text), a.headers(g)...)
	return a.read(g, resp, func(text []byte, reply proto.Message) (outcome, error) {
		var body statusBody
		if err := json.Unmarshal(text, &body); err != nil {
			return outcome{}, err
		}
		if body.Error.Code == 0 {
			return outcome{}, protojson.Unmarshal(text, reply)
		}
		if body.Error.Code != resp.StatusCode {
			g.t.Errorf("%s: status %d with code %d", a.method, resp.StatusCode, body.Error.Code)
		}
		o := failed(body.Error.Status, body.Error.Message, body.Error.Details)
		o.http = resp.StatusCode
		return o, nil
	})
}

// address is the request's line on the HTTP+JSON binding.
func (a asked) address(t testing.TB) (verb, path string) {
	t.Helper()
	for _, r := range resources {
		for _, verb := range slices.Sorted(maps.Keys(r.verbs)) { // GET before POST
			if r.verbs[verb] == a.method {
				path, rest := a.expand(r.pattern)
				if verb != http.MethodPost && len(rest) > 0 {
					path += "?" + rest.Encode()
				}
				return verb, path
			}
		}
	}
	t.Fatalf("no address for %s", a.method)
	return "", ""
}

// expand puts fields of the request into the pattern and returns the others.
func (a asked) expand(pattern string) (path string, rest url.Values) {
	path, rest = pattern, url.Values{}
	a.req.ProtoReflect().Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		text := v.String()
		switch {
		case f.Enum() != nil:
			text = string(f.Enum().Values().ByNumber(v.Enum()).Name())
		case f.Message() != nil:
			at, ok := v.Message().Interface().(*timestamppb.Timestamp)
			if !ok {
				return true // it goes into the body
			}
			text = at.AsTime().Format(time.RFC3339Nano)
		}
		if expanded := strings.Replace(path, "{"+f.JSONName()+"}", url.PathEscape(text), 1); expanded != path {
			path = expanded
		} else {
			rest.Set(f.JSONName(), text)
		}
		return true
	})
	return path, rest
}

// read reads a reply of JSON, or a stream of them.
func (a asked) read(g *grpcHouse, resp *http.Response, decode func([]byte, proto.Message) (outcome, error)) (all outcome) {
	g.t.Helper()
	defer resp.Body.Close()
	if !strings.HasPrefix(resp.Header.Get("Content-Type"), typeEvents) {
		text, err := io.ReadAll(resp.Body)
		if err != nil {
			g.t.Fatal(err)
		}
		return a.add(g, all, text, decode)
	}
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() {
		if data, ok := bytes.CutPrefix(lines.Bytes(), []byte("data: ")); ok {
			all = a.add(g, all, data, decode)
		}
	}
	return all
}

func (a asked) add(g *grpcHouse, all outcome, text []byte, decode func([]byte, proto.Message) (outcome, error)) outcome {
	g.t.Helper()
	reply := newReply(g.t, a.method)
	one, err := decode(text, reply)
	if err != nil {
		g.t.Fatalf("%s: %v in %s", a.method, err, text)
	}
	if one.reason != "" {
		one.results = all.results
		return one
	}
	all.results = append(all.results, reply)
	if e, ok := reply.(*a2apb.StreamResponse); ok && a.onEvent != nil {
		a.onEvent(e)
	}
	return all
}

func failed(statusName, message string, details []detail) outcome {
	o := outcome{status: statusName, message: message}
	for _, d := range details {
		if d.Reason != "" {
			o.reason = d.Reason
		}
		for _, v := range d.Violations {
			o.fields = append(o.fields, v.Field+" "+v.Description)
		}
	}
	if o.status == "" { // JSON-RPC has a code instead, which stands for the reason
		for _, known := range wireErrors {
			if known.reason == o.reason {
				o.status = known.status
			}
		}
		if o.reason == internal.reason {
			o.status = internal.status
		}
	}
	return o
}

func askGRPC(g *grpcHouse, a asked) (all outcome) {
	g.t.Helper()
	more := []string{"x", "y"}
	if a.version != "" {
		more = []string{"a2a-version", a.version}
	}
	if a.extensions != "" {
		more = append(more, "a2a-extensions", a.extensions)
	}
	if a.once != "" {
		more = append(more, "idempotency-key", a.once)
	}
	ctx, method := g.as(a.who, more...), "/lf.a2a.v1.A2AService/"+a.method
	if !descriptor(a.method).IsStreamingServer() {
		reply := newReply(g.t, a.method)
		if err := g.conn.Invoke(ctx, method, a.req, reply); err != nil {
			return failedGRPC(err)
		}
		return outcome{results: []proto.Message{reply}}
	}
	stream, err := g.conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true}, method)
	if err := errors.Join(err, stream.SendMsg(a.req), stream.CloseSend()); err != nil {
		g.t.Fatal(err)
	}
	for {
		reply := &a2apb.StreamResponse{}
		err := stream.RecvMsg(reply)
		if err == io.EOF {
			return all
		}
		if err != nil {
			failure := failedGRPC(err)
			failure.results = all.results
			return failure
		}
		all.results = append(all.results, reply)
		if a.onEvent != nil {
			a.onEvent(reply)
		}
	}
}

func failedGRPC(err error) outcome {
	s := status.Convert(err)
	var list []detail
	for _, d := range s.Details() {
		switch d := d.(type) {
		case *errdetails.ErrorInfo:
			list = append(list, detail{Reason: d.Reason})
		case *errdetails.BadRequest:
			for _, v := range d.FieldViolations {
				list = append(list, detail{Violations: []violation{{v.Field, v.Description}}})
			}
		}
	}
	return failed(codeName(s.Code()), s.Message(), list)
}

// codeName is the name of a status code as google.rpc writes it.
func codeName(code codes.Code) string {
	for _, known := range wireErrors {
		if codeNamed(known.status) == code {
			return known.status
		}
	}
	return strings.ToUpper(code.String())
}
