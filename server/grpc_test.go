package server

import (
	"context"
	"crypto/tls"
	"errors"
	"math"
	"net"
	"strings"
	"testing"
	"time"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/carrelhq/carrel/internal/telemetry"
	"github.com/carrelhq/carrel/task"
)

// grpcHouse is a house that serves gRPC, too.
type grpcHouse struct {
	*house
	addr    string
	conn    *grpc.ClientConn
	a2a     a2apb.A2AServiceClient
	endGRPC func() error
}

func newGRPCHouse(t *testing.T, settings ...setting) *grpcHouse {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g := &grpcHouse{addr: l.Addr().String()}
	g.house = newHouse(t, append(settings, func(_ *parts, o *Options) { o.GRPCAddr = g.addr })...)
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- g.server.ServeGRPC(ctx, l) }()
	g.endGRPC = func() error {
		cancel()
		defer func() { ended <- nil }()
		return <-ended
	}
	t.Cleanup(func() {
		if err := g.endGRPC(); err != nil {
			t.Errorf("ServeGRPC: %v", err)
		}
	})
	g.dialGRPC(insecure.NewCredentials())
	return g
}

func (g *grpcHouse) dialGRPC(creds credentials.TransportCredentials) {
	g.t.Helper()
	conn, err := grpc.NewClient(g.addr, grpc.WithTransportCredentials(creds))
	if err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(func() { conn.Close() })
	g.conn, g.a2a = conn, a2apb.NewA2AServiceClient(conn)
}

// as is a call's context with someone's key; more are pairs of metadata.
func (g *grpcHouse) as(who string, more ...string) context.Context {
	g.t.Helper()
	if len(more) == 0 {
		more = []string{"a2a-version", "1.0"}
	}
	if who != "" {
		more = append(more, "authorization", "Bearer "+g.tokens[who])
	}
	return metadata.AppendToOutgoingContext(g.t.Context(), more...)
}

const carded = "acme/carded"

func ask(words string) *a2apb.SendMessageRequest {
	return &a2apb.SendMessageRequest{Tenant: carded, Message: &a2apb.Message{MessageId: "m", Role: a2apb.Role_ROLE_USER, Parts: text(words)}}
}

// reasonOf is the A2A reason in a status.
func reasonOf(err error) string {
	for _, d := range status.Convert(err).Details() {
		if info, ok := d.(*errdetails.ErrorInfo); ok && info.Domain == "a2a-protocol.org" {
			return info.Reason
		}
	}
	return ""
}

func TestTheTenantOfARequestNamesTheAgent(t *testing.T) {
	t.Parallel()
	g := newGRPCHouse(t, working(t, newScripted()), func(_ *parts, o *Options) { o.DefaultAgent = carded })
	for _, test := range []struct {
		who, tenant string
		version     []string
		want        codes.Code
		reason      string
	}{
		{"acme", carded, nil, codes.OK, ""},
		{"acme", "", nil, codes.OK, ""},
		{"acme", "acme", nil, codes.OK, ""},
		{"operator", "acme/hidden", nil, codes.OK, ""},
		{"acme", carded, []string{"a2a-version", "1.0.9"}, codes.OK, ""},
		{"acme", carded, []string{"a2a-version", "2.0"}, codes.FailedPrecondition, "VERSION_NOT_SUPPORTED"},
		{"acme", carded, []string{"x", "y"}, codes.FailedPrecondition, "VERSION_NOT_SUPPORTED"},
		{"", carded, nil, codes.Unauthenticated, "UNAUTHENTICATED"},
		{"beta", carded, nil, codes.NotFound, "AGENT_NOT_FOUND"},
		{"beta", "acme/hidden", nil, codes.NotFound, "AGENT_NOT_FOUND"},
		{"", "acme/hidden", nil, codes.NotFound, "AGENT_NOT_FOUND"},
		{"beta", "acme", nil, codes.NotFound, "AGENT_NOT_FOUND"},
		{"acme", "acme/nobody", nil, codes.NotFound, "AGENT_NOT_FOUND"},
		{"acme", "beta", nil, codes.NotFound, "AGENT_NOT_FOUND"},
		{"acme", "acme/carded/x", nil, codes.NotFound, "AGENT_NOT_FOUND"},
		{"acme", "/", nil, codes.NotFound, "AGENT_NOT_FOUND"},
	} {
		_, err := g.a2a.ListTasks(g.as(test.who, test.version...), &a2apb.ListTasksRequest{Tenant: test.tenant})
		if status.Code(err) != test.want || reasonOf(err) != test.reason {
			t.Errorf("%+v: got %v with reason %q", test, err, reasonOf(err))
		}
	}
	if _, err := g.a2a.ListTasks(g.as("", "authorization", "Bearer wrong", "a2a-version", "1.0"), &a2apb.ListTasksRequest{}); status.Code(err) != codes.Unauthenticated {
		t.Errorf("a wrong key: got %v", err)
	}
}

func TestEveryStatusNameHasACode(t *testing.T) {
	t.Parallel()
	for _, known := range wireErrors {
		if c := codeNamed(known.status); c == codes.OK || c == codes.Internal && known.status != "INTERNAL" {
			t.Errorf("%v: %s is code %s", known.err, known.status, c)
		}
	}
}

// TestWhatJSONCannotSayIsRefused sends what would be stored and never read back.
func TestWhatJSONCannotSayIsRefused(t *testing.T) {
	t.Parallel()
	g := newGRPCHouse(t, working(t, newScripted()))
	for name, value := range map[string]*structpb.Value{
		"not a number": structpb.NewNumberValue(math.NaN()), "infinite": structpb.NewNumberValue(math.Inf(-1)),
		"no value": {}, "too deep": nested(maxDepth),
	} {
		data, metadata := ask("echo hi"), ask("echo hi")
		data.Message.Parts = append(data.Message.Parts, &a2apb.Part{Content: &a2apb.Part_Data{Data: value}})
		metadata.Metadata = &structpb.Struct{Fields: map[string]*structpb.Value{"x": value}}
		for _, req := range []*a2apb.SendMessageRequest{data, metadata} {
			if _, err := g.a2a.SendMessage(g.as("acme"), req); status.Code(err) != codes.InvalidArgument {
				t.Errorf("%s: got %v", name, err)
			}
		}
	}
	fine := ask("echo hi")
	fine.Metadata = &structpb.Struct{Fields: map[string]*structpb.Value{"x": structpb.NewNullValue(), "y": structpb.NewNumberValue(1e300)}}
	if _, err := g.a2a.SendMessage(g.as("acme"), fine); err != nil {
		t.Error(err)
	}
}

func TestGRPCCallsAreBounded(t *testing.T) {
	t.Parallel()
	g := newGRPCHouse(t, func(_ *parts, o *Options) { o.MaxBody = 1000 })
	if _, err := g.a2a.SendMessage(g.as("acme"), ask(strings.Repeat("x", 2000))); status.Code(err) != codes.ResourceExhausted {
		t.Errorf("a large message: got %v", err)
	}
	if _, err := g.a2a.ListTasks(g.as("acme", "x", strings.Repeat("x", 2*maxHeader)), &a2apb.ListTasksRequest{}); err == nil {
		t.Error("large metadata: got no error")
	}
}

func TestGRPCStreamsAreLimitedInNumber(t *testing.T) {
	t.Parallel()
	w := newScripted()
	g := newGRPCHouse(t, working(t, w), func(_ *parts, o *Options) { o.MaxStreams = 1 })
	ctx, cancel := context.WithCancel(g.as("acme"))
	defer cancel()
	first, err := g.a2a.SendStreamingMessage(ctx, ask("hold"))
	if err != nil {
		t.Fatal(err)
	}
	<-w.held
	if _, err := first.Recv(); err != nil {
		t.Fatal(err)
	}
	second, err := g.a2a.SendStreamingMessage(g.as("acme"), ask("echo hi"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := second.Recv(); reasonOf(err) != "TOO_MANY_STREAMS" {
		t.Errorf("got %v", err)
	}
	if list, err := g.a2a.ListTasks(g.as("acme"), &a2apb.ListTasksRequest{Tenant: carded}); err != nil || len(list.Tasks) != 1 {
		t.Errorf("the refused message was accepted: %v, %v", list, err)
	}
	w.release <- struct{}{}
}

func TestAGRPCRequestThatDoesNotComeIsCutOff(t *testing.T) {
	t.Parallel()
	g := newGRPCHouse(t, func(_ *parts, o *Options) { o.timing.read = 20 * time.Millisecond })
	stream, err := g.conn.NewStream(g.as("acme"), &grpc.StreamDesc{ClientStreams: true}, a2apb.A2AService_GetTask_FullMethodName)
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.RecvMsg(&a2apb.Task{}); err == nil || g.t.Context().Err() != nil {
		t.Errorf("got %v", err)
	}
}

func TestAGRPCClientThatDoesNotReadLosesItsStream(t *testing.T) {
	t.Parallel()
	w := newScripted()
	g := newGRPCHouse(t, working(t, w), func(_ *parts, o *Options) { o.timing.write = 20 * time.Millisecond })
	stream, err := g.a2a.SendStreamingMessage(g.as("acme"), ask("hold"))
	if err != nil {
		t.Fatal(err)
	}
	run := <-w.held
	if _, err := stream.Recv(); err != nil {
		t.Fatal(err)
	}
	loseStream(t, g.house, run)
	close(w.release)
}

func TestAGRPCSubscriberSeesTheSnapshotAndWhatFollows(t *testing.T) {
	t.Parallel()
	w := newScripted()
	g := newGRPCHouse(t, working(t, w))
	waiting, err := g.a2a.SendMessage(g.as("acme"), ask("ask"))
	if err != nil {
		t.Fatal(err)
	}
	id := waiting.GetTask().GetId()
	stream, err := g.a2a.SubscribeToTask(g.as("acme", "a2a-version", "1.0", "last-event-id", "1"), &a2apb.SubscribeToTaskRequest{Tenant: carded, Id: id})
	if err != nil {
		t.Fatal(err)
	}
	if first, err := stream.Recv(); err != nil || first.GetTask().GetStatus().GetState() != a2apb.TaskState_TASK_STATE_INPUT_REQUIRED {
		t.Fatalf("first: got %v, %v", first, err)
	}
	if _, err := g.a2a.CancelTask(g.as("acme"), &a2apb.CancelTaskRequest{Tenant: carded, Id: id}); err != nil {
		t.Fatal(err)
	}
	if last, err := stream.Recv(); err != nil || last.GetStatusUpdate().GetStatus().GetState() != a2apb.TaskState_TASK_STATE_CANCELED {
		t.Errorf("last: got %v, %v", last, err)
	}
	if e, err := stream.Recv(); err == nil {
		t.Errorf("after the end: got %v", e)
	}
}

func TestShutdownEndsGRPCStreamsAndLetsCallsAnswer(t *testing.T) {
	t.Parallel()
	w := newScripted()
	g := newGRPCHouse(t, working(t, w), func(_ *parts, o *Options) { o.Grace = 300 * time.Millisecond })
	idle, err := net.Dial("tcp", g.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer idle.Close()
	stream, err := g.a2a.SendStreamingMessage(g.as("acme"), ask("hold"))
	if err != nil {
		t.Fatal(err)
	}
	<-w.held
	answered := make(chan *a2apb.SendMessageResponse, 1)
	go func() {
		reply, err := g.a2a.SendMessage(g.as("acme"), ask("hold"))
		if err != nil {
			t.Errorf("the blocking call: %v", err)
		}
		answered <- reply
	}()
	<-w.held
	if err := g.endGRPC(); err != nil {
		t.Errorf("ServeGRPC: %v", err)
	}
	var last error
	for last == nil {
		_, last = stream.Recv()
	}
	if status.Code(last) != codes.Unavailable || reasonOf(last) != "UNAVAILABLE" {
		t.Errorf("the stream ended with %v", last)
	}
	switch got := (<-answered).GetTask().GetStatus().GetState(); got {
	case a2apb.TaskState_TASK_STATE_WORKING, a2apb.TaskState_TASK_STATE_SUBMITTED: // "working" is told a moment late
	default:
		t.Errorf("the blocking call: got state %v, want the task as it is", got)
	}
}

func TestGRPCStoppedBeforeItBegan(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := h.server.ServeGRPC(ctx, l); err != nil {
		t.Error(err)
	}
	if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("the listener is open: %v", err)
	}
}

func TestGRPCHasHealthReflectionAndMetrics(t *testing.T) {
	t.Parallel()
	tele, err := telemetry.New(t.Context(), telemetry.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var sick error
	g := newGRPCHouse(t, func(_ *parts, o *Options) {
		o.Telemetry, o.Ready = tele, func(context.Context) error { return sick }
	})
	healthy := grpc_health_v1.NewHealthClient(g.conn)
	for _, service := range []string{"", "lf.a2a.v1.A2AService"} {
		reply, err := healthy.Check(t.Context(), &grpc_health_v1.HealthCheckRequest{Service: service})
		if err != nil || reply.Status != grpc_health_v1.HealthCheckResponse_SERVING {
			t.Errorf("health of %q: got %v, %v", service, reply, err)
		}
	}
	sick = errors.New("the disk is full")
	if reply, err := healthy.Check(t.Context(), &grpc_health_v1.HealthCheckRequest{}); err != nil || reply.Status != grpc_health_v1.HealthCheckResponse_NOT_SERVING {
		t.Errorf("health without a disk: got %v, %v", reply, err)
	}
	stream, err := grpc_reflection_v1.NewServerReflectionClient(g.conn).ServerReflectionInfo(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ask := &grpc_reflection_v1.ServerReflectionRequest{MessageRequest: &grpc_reflection_v1.ServerReflectionRequest_FileContainingSymbol{FileContainingSymbol: "lf.a2a.v1.A2AService"}}
	if err := stream.Send(ask); err != nil {
		t.Fatal(err)
	}
	if reply, err := stream.Recv(); err != nil || len(reply.GetFileDescriptorResponse().GetFileDescriptorProto()) == 0 {
		t.Errorf("reflection: got %v, %v", reply, err)
	}
	g.a2a.GetTask(g.as("acme"), &a2apb.GetTaskRequest{Tenant: carded, Id: "x"})
	if err := g.endGRPC(); err != nil {
		t.Error(err)
	}
	metrics, err := tele.MetricsText()
	if want := `carrel_grpc_call_duration_seconds_count{code="NotFound",method="/lf.a2a.v1.A2AService/GetTask"} 1`; err != nil || !strings.Contains(string(metrics), want) {
		t.Errorf("no call was counted as %s: %v", want, err)
	}
}

func TestGRPCOverTLS(t *testing.T) {
	t.Parallel()
	cert, key, pool := selfSigned(t)
	g := newGRPCHouse(t, working(t, newScripted()), func(_ *parts, o *Options) { o.TLSCert, o.TLSKey = cert, key })
	g.dialGRPC(credentials.NewTLS(&tls.Config{RootCAs: pool}))
	if reply, err := g.a2a.SendMessage(g.as("acme"), ask("echo hi")); err != nil || reply.GetTask().GetStatus().GetState() != a2apb.TaskState_TASK_STATE_COMPLETED {
		t.Errorf("got %v, %v", reply, err)
	}
}

// panicking is a task manager with a bug.
type panicking struct{ noTasks }

func (panicking) Get(context.Context, task.Ref, string, *int32) (*a2apb.Task, error) {
	panic("secret")
}

func TestAPanicInAGRPCCallStaysInside(t *testing.T) {
	t.Parallel()
	g := newGRPCHouse(t, func(p *parts, _ *Options) { p.tasks = panicking{} })
	_, err := g.a2a.GetTask(g.as("acme"), &a2apb.GetTaskRequest{Tenant: carded, Id: "x"})
	if status.Code(err) != codes.Internal || strings.Contains(err.Error(), "secret") {
		t.Errorf("got %v", err)
	}
}

func TestCardsNameTheGRPCAddressWhereItIsKnown(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, host string
		opts       Options
		want       string
	}{
		{"no gRPC", "localhost:7333", Options{}, ""},
		{"here", "localhost:7333", Options{GRPCAddr: "127.0.0.1:7334"}, "localhost:7334"},
		{"here, everywhere", "127.0.0.1:7333", Options{GRPCAddr: "[::]:7334"}, "127.0.0.1:7334"},
		{"asked from outside, here only", "agents.example.com", Options{GRPCAddr: "127.0.0.1:7334"}, ""},
		{"asked from outside", "agents.example.com:7333", Options{GRPCAddr: "[::]:7334"}, "agents.example.com:7334"},
		{"asked from outside, by number", "192.0.2.1:7333", Options{GRPCAddr: "192.0.2.1:7334"}, "192.0.2.1:7334"},
		{"asked here, listening elsewhere", "localhost", Options{GRPCAddr: "192.0.2.1:7334"}, ""},
		{"behind a public address", "localhost", Options{GRPCAddr: "[::]:7334", PublicURL: "https://agents.example.com"}, ""},
		{"a public address of its own", "localhost", Options{GRPCAddr: "127.0.0.1:7334", PublicURL: "https://agents.example.com", GRPCPublicURL: "grpc.example.com:443"}, "grpc.example.com:443"},
		{"no gRPC with a public address", "localhost", Options{GRPCPublicURL: "grpc.example.com:443"}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, func(_ *parts, o *Options) { *o = test.opts })
			_, r := h.dial("GET /agents/acme/open/.well-known/agent-card.json HTTP/1.1\nHost: " + test.host + "\n\n")
			got := h.answer(r).body
			want := `{"protocolBinding":"GRPC","protocolVersion":"1.0","tenant":"acme/open","url":"` + test.want + `"}`
			if strings.Contains(got, `"GRPC"`) != (test.want != "") || test.want != "" && !strings.Contains(got, want) {
				t.Errorf("got %s, want %s", got, want)
			}
		})
	}
}
