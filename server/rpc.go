package server

import (
	"context"
	"encoding/json"
	"mime"
	"strings"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"
	"github.com/gofiber/fiber/v2"
	"google.golang.org/protobuf/proto"

	"github.com/carrelhq/carrel/task"
)

// rpcMethod is one method of the JSON-RPC binding: it decodes params, calls an
// operation, and returns the result's JSON appended to dst, or a feed if the
// method streams.
type rpcMethod struct {
	streams bool
	serve   func(ctx context.Context, by caller, call rpcCall, dst []byte) ([]byte, *feed, error)
}

// rpcCall is what a method is called with.
type rpcCall struct {
	// params is a JSON object, nil when the request has none.
	params []byte
	// lastEventID is the header of a stream that is taken up again.
	lastEventID string
}

// rpcMethods are the methods of section 9.4. Those that are not supported have
// the error that the specification defines for them.
func (o *operations) rpcMethods() map[string]rpcMethod {
	return map[string]rpcMethod{
		"SendMessage":                      unary(o.sendMessage),
		"GetTask":                          unary(o.getTask),
		"ListTasks":                        {serve: o.rpcListTasks},
		"CancelTask":                       unary(o.cancelTask),
		"SendStreamingMessage":             {streams: true, serve: o.rpcSendStreamingMessage},
		"SubscribeToTask":                  {streams: true, serve: o.rpcSubscribeToTask},
		"CreateTaskPushNotificationConfig": unary(o.createPushConfig),
		"GetTaskPushNotificationConfig":    unary(o.getPushConfig),
		"ListTaskPushNotificationConfigs":  unary(o.listPushConfigs),
		"DeleteTaskPushNotificationConfig": unary(o.deletePushConfig),
		"GetExtendedAgentCard":             refused(refuse(task.ErrUnsupportedOperation, "there is no extended card")),
	}
}

// message is a pointer to a generated message.
type message[T any] interface {
	*T
	proto.Message
}

// unary makes a method of an operation that answers once.
func unary[Q any, PQ message[Q], R proto.Message](op func(context.Context, caller, PQ) (R, error)) rpcMethod {
	return rpcMethod{serve: func(ctx context.Context, by caller, call rpcCall, dst []byte) ([]byte, *feed, error) {
		req := PQ(new(Q))
		if err := call.decode(req); err != nil {
			return nil, nil, err
		}
		result, err := op(ctx, by, req)
		if err != nil {
			return nil, nil, err
		}
		dst, err = appendProto(dst, result)
		return dst, nil, err
	}}
}

func (o *operations) rpcListTasks(ctx context.Context, by caller, call rpcCall, dst []byte) ([]byte, *feed, error) {
	req := &a2apb.ListTasksRequest{}
	if call.params == nil {
		call.params = []byte("{}") // nothing in it is required
	}
	if err := call.decode(req); err != nil {
		return nil, nil, err
	}
	page, err := o.listTasks(ctx, by, req)
	if err != nil {
		return nil, nil, err
	}
	dst, err = appendTaskPage(dst, page, req.GetIncludeArtifacts())
	return dst, nil, err
}

func (o *operations) rpcSendStreamingMessage(ctx context.Context, by caller, call rpcCall, _ []byte) ([]byte, *feed, error) {
	req := &a2apb.SendMessageRequest{}
	if err := call.decode(req); err != nil {
		return nil, nil, err
	}
	f, err := o.sendStreamingMessage(ctx, by, req)
	return nil, f, err
}

func (o *operations) rpcSubscribeToTask(ctx context.Context, by caller, call rpcCall, _ []byte) ([]byte, *feed, error) {
	req := &a2apb.SubscribeToTaskRequest{}
	if err := call.decode(req); err != nil {
		return nil, nil, err
	}
	f, err := o.subscribeToTask(ctx, by, req, call.lastEventID)
	return nil, f, err
}

func refused(err error) rpcMethod {
	return rpcMethod{serve: func(context.Context, caller, rpcCall, []byte) ([]byte, *feed, error) { return nil, nil, err }}
}

func (c rpcCall) decode(req proto.Message) error {
	if c.params == nil {
		return badField("params", "must be an object")
	}
	return decodeProto(c.params, req)
}

// serveRPC serves the JSON-RPC binding at an agent's base. Section 9.
func (s *Server) serveRPC(x *exchange, ref task.Ref) error {
	if x.c.Method() != fiber.MethodPost {
		if _, err := s.admitReader(x, ref); err != nil {
			return err
		}
		return s.allow(x, "POST, OPTIONS")
	}
	by, err := s.admitCaller(x, ref)
	if err != nil {
		return err
	}
	method, call, err := s.readRPC(x)
	if err != nil {
		return err
	}
	if method.streams {
		return s.serveStream(x, func() (*feed, error) {
			_, f, err := method.serve(x.ctx, by, call, nil)
			return f, err
		})
	}
	reply, _, err := method.serve(x.ctx, by, call, appendRPCHead(make([]byte, 0, 1024), x.rpcID))
	if err != nil {
		return err
	}
	x.json(fiber.StatusOK, typeJSON, append(reply, '}'))
	return nil
}

// readRPC reads a call up to its params. Once it is known, the request's id is in x.rpcID.
func (s *Server) readRPC(x *exchange) (rpcMethod, rpcCall, error) {
	if err := checkJSON(x); err != nil {
		return rpcMethod{}, rpcCall{}, err
	}
	data, err := x.body.all(s.opts.MaxBody)
	if err != nil {
		return rpcMethod{}, rpcCall{}, err
	}
	e, err := decodeEnvelope(data)
	x.rpcID = e.id
	if err != nil {
		return rpcMethod{}, rpcCall{}, err
	}
	method, known := s.rpc[e.method]
	if err := s.checkVersion(x, known); err != nil {
		return rpcMethod{}, rpcCall{}, err
	}
	if !known {
		return rpcMethod{}, rpcCall{}, errMethodNotFound
	}
	return method, rpcCall{params: e.params, lastEventID: x.header("Last-Event-ID")}, nil
}

// checkJSON refuses bodies that do not say they are JSON: a web page can send
// those anywhere without being asked for permission.
func checkJSON(x *exchange) error {
	header := x.header(fiber.HeaderContentType)
	if header == typeJSON {
		return x.checkEncoding()
	}
	media, params, err := mime.ParseMediaType(header)
	if err != nil || media != typeJSON && media != "application/a2a+json" {
		return refuse(errMediaType, "the Content-Type must be application/json")
	}
	if charset := params["charset"]; charset != "" && !strings.EqualFold(charset, "utf-8") {
		return refuse(errMediaType, "the charset must be UTF-8")
	}
	return x.checkEncoding()
}

func (x *exchange) checkEncoding() error {
	if e := x.header(fiber.HeaderContentEncoding); e != "" && !strings.EqualFold(e, "identity") {
		return refuse(errMediaType, "the body must not be compressed")
	}
	return nil
}

// checkVersion checks the A2A-Version of the request: the header, or the query
// parameter. Only its first two numbers count; none at all means 0.3, which
// does not know the methods served here. Section 3.6.
func (s *Server) checkVersion(x *exchange, knownMethod bool) error {
	version := x.header("A2A-Version")
	if version == "" {
		version = x.c.Query("A2A-Version")
	}
	switch {
	case majorMinor(version) == "1.0", version == "" && (s.opts.Dev || !knownMethod):
		return nil
	case version == "":
		return refuse(errVersion, "send the header A2A-Version: 1.0")
	}
	return refuse(errVersion, "this agent speaks 1.0")
}

// majorMinor cuts a version down to its first two numbers.
func majorMinor(version string) string {
	major, rest, _ := strings.Cut(strings.TrimSpace(version), ".")
	minor, _, _ := strings.Cut(rest, ".")
	return major + "." + minor
}

// appendRPCHead begins a successful response up to the result.
func appendRPCHead(dst, id []byte) []byte {
	dst = append(dst, `{"jsonrpc":"2.0","id":`...)
	dst = append(dst, orNull(id)...)
	return append(dst, `,"result":`...)
}

func appendRPCError(dst, id []byte, w wire, err error) []byte {
	dst = append(dst, `{"jsonrpc":"2.0","id":`...)
	dst = append(dst, orNull(id)...)
	dst = append(dst, `,"error":`...)
	dst = append(dst, marshal(struct {
		Code    int             `json:"code"`
		Message string          `json:"message"`
		Data    json.RawMessage `json:"data"`
	}{w.code, w.text(err), marshal(details(w, err))})...)
	return append(dst, '}')
}

func orNull(id []byte) []byte {
	if id == nil {
		return []byte("null")
	}
	return id
}
