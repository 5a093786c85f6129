package server

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"time"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/carrelhq/carrel/task"
)

// grpcService is the A2AService: each method is the operation of its name.
type grpcService struct {
	a2apb.UnsafeA2AServiceServer
	g *grpcBinding
}

// SendMessage accepts a message and answers with the task. Section 3.1.1.
func (s *grpcService) SendMessage(ctx context.Context, req *a2apb.SendMessageRequest) (*a2apb.SendMessageResponse, error) {
	return answer(ctx, s.g, req, s.g.ops.sendMessage)
}

// SendStreamingMessage accepts a message and answers with what comes of it. Section 3.1.2.
func (s *grpcService) SendStreamingMessage(req *a2apb.SendMessageRequest, to grpc.ServerStreamingServer[a2apb.StreamResponse]) error {
	return streamTo(s.g, req, to, s.g.ops.sendStreamingMessage)
}

// GetTask returns a task. Section 3.1.3.
func (s *grpcService) GetTask(ctx context.Context, req *a2apb.GetTaskRequest) (*a2apb.Task, error) {
	return answer(ctx, s.g, req, s.g.ops.getTask)
}

// ListTasks returns a page of tasks. Section 3.1.4. The official Go client (v2.4.0)
// sends a pageSize of 0 where it was given none.
func (s *grpcService) ListTasks(ctx context.Context, req *a2apb.ListTasksRequest) (*a2apb.ListTasksResponse, error) {
	if req.GetPageSize() == 0 {
		req.PageSize = nil
	}
	return answer(ctx, s.g, req, s.g.ops.listTasks)
}

// CancelTask ends a task. Section 3.1.5.
func (s *grpcService) CancelTask(ctx context.Context, req *a2apb.CancelTaskRequest) (*a2apb.Task, error) {
	return answer(ctx, s.g, req, s.g.ops.cancelTask)
}

// SubscribeToTask answers with the task and what follows. A stream of this
// binding has no place for the number of an event, so none is taken up at one:
// the snapshot joins without a gap. Section 3.1.6.
func (s *grpcService) SubscribeToTask(req *a2apb.SubscribeToTaskRequest, to grpc.ServerStreamingServer[a2apb.StreamResponse]) error {
	return streamTo(s.g, req, to, func(ctx context.Context, by caller, req *a2apb.SubscribeToTaskRequest) (*feed, error) {
		return s.g.ops.subscribeToTask(ctx, by, req, "")
	})
}

// CreateTaskPushNotificationConfig registers a webhook. Section 3.1.7.
func (s *grpcService) CreateTaskPushNotificationConfig(ctx context.Context, req *a2apb.TaskPushNotificationConfig) (*a2apb.TaskPushNotificationConfig, error) {
	return answer(ctx, s.g, req, s.g.ops.createPushConfig)
}

// GetTaskPushNotificationConfig returns a webhook. Section 3.1.8.
func (s *grpcService) GetTaskPushNotificationConfig(ctx context.Context, req *a2apb.GetTaskPushNotificationConfigRequest) (*a2apb.TaskPushNotificationConfig, error) {
	return answer(ctx, s.g, req, s.g.ops.getPushConfig)
}

// ListTaskPushNotificationConfigs returns the webhooks of a task. Section 3.1.9.
func (s *grpcService) ListTaskPushNotificationConfigs(ctx context.Context, req *a2apb.ListTaskPushNotificationConfigsRequest) (*a2apb.ListTaskPushNotificationConfigsResponse, error) {
	return answer(ctx, s.g, req, s.g.ops.listPushConfigs)
}

// DeleteTaskPushNotificationConfig removes a webhook. Section 3.1.10.
func (s *grpcService) DeleteTaskPushNotificationConfig(ctx context.Context, req *a2apb.DeleteTaskPushNotificationConfigRequest) (*emptypb.Empty, error) {
	return answer(ctx, s.g, req, s.g.ops.deletePushConfig)
}

// GetExtendedAgentCard returns the card for those who have a key. Section 3.1.11.
func (s *grpcService) GetExtendedAgentCard(ctx context.Context, req *a2apb.GetExtendedAgentCardRequest) (*a2apb.AgentCard, error) {
	return answer(ctx, s.g, req, s.g.ops.getExtendedAgentCard)
}

// addressed is a request: its tenant names the agent.
type addressed interface {
	proto.Message
	GetTenant() string
}

// answer admits a caller and calls an operation.
func answer[Q addressed, R any](ctx context.Context, g *grpcBinding, req Q, op func(context.Context, caller, Q) (R, error)) (reply R, err error) {
	by, err := g.admitMessage(ctx, req)
	if err != nil {
		return reply, err
	}
	var held loan
	reply, err = op(g.reading(ctx, &held, by.party()), by, req)
	if held.held > 0 {
		context.AfterFunc(ctx, held.end) // when the client has the answer, or will not have it
	}
	return reply, err
}

// streamTo admits a caller, opens a feed, and sends what it shows.
func streamTo[Q addressed](g *grpcBinding, req Q, to grpc.ServerStreamingServer[a2apb.StreamResponse], open func(context.Context, caller, Q) (*feed, error)) error {
	ctx := to.Context()
	by, err := g.admitMessage(ctx, req)
	if err != nil {
		return err
	}
	if !g.streams.take(by.party(), 1) {
		return errTooManyStreams
	}
	defer g.streams.give(by.party(), 1)
	var held loan
	defer func() { held.end() }()
	f, err := open(g.reading(ctx, &held, by.party()), by, req)
	if err != nil {
		return err
	}
	g.followers(1)
	defer g.followers(-1)
	defer f.close()
	for sent := 1; ; sent++ {
		what, ok, err := f.next(ctx, g.parts.events)
		if err != nil || !ok {
			return err
		}
		if err := sendWithin(g.opts.timing.write, to, what.body); err != nil {
			return err
		}
		if sent == 2 { // then the first, which is the large one, has gone
			held.end()
		}
	}
}

// sendWithin sends one event. A client that takes nothing holds Send for ever,
// and only the end of the call frees it.
func sendWithin(limit time.Duration, to grpc.ServerStreamingServer[a2apb.StreamResponse], r *a2apb.StreamResponse) error {
	sent := make(chan error, 1)
	go func() { sent <- to.Send(r) }()
	timeout := time.NewTimer(limit)
	defer timeout.Stop()
	select {
	case err := <-sent:
		return err
	case <-timeout.C:
		return errNotRead
	}
}

// admitMessage returns who calls which agent, and checks what JSON could not have said.
func (g *grpcBinding) admitMessage(ctx context.Context, req addressed) (caller, error) {
	if err := checkDecoded(req); err != nil {
		return caller{}, err
	}
	ref, err := g.agentOf(ctx, req.GetTenant())
	if err != nil {
		return caller{}, err
	}
	by, err := g.admit(ctx, g.visitorOf(ctx), ref)
	if err != nil {
		return caller{}, err
	}
	by.door = func() door { return g.grpcDoor(ctx) }
	by.onceKey = strings.Join(metadata.ValueFromIncomingContext(ctx, strings.ToLower(headerOnce)), ", ")
	if err := g.acceptVersion(by, incoming(ctx, "a2a-version"), true); err != nil {
		return caller{}, err
	}
	active, err := by.negotiate(strings.Join(metadata.ValueFromIncomingContext(ctx, "a2a-extensions"), ","))
	if err != nil {
		return caller{}, err
	}
	if active != "" {
		if err := grpc.SetHeader(ctx, metadata.Pairs("a2a-extensions", active)); err != nil {
			return caller{}, err
		}
	}
	return by, checkMessageValues(req.ProtoReflect(), maxNesting)
}

// agentOf is the agent that the tenant of a request names: tenant/agent, or the
// agent at "/" where it names none. Section 4.4.6.
func (g *grpcBinding) agentOf(ctx context.Context, named string) (task.Ref, error) {
	owner, name, both := strings.Cut(named, "/")
	if both {
		return task.Ref{Tenant: owner, Agent: name}, nil
	}
	ref, err := g.landingAgent(ctx)
	if err == nil && named != "" && named != ref.Tenant {
		return task.Ref{}, task.ErrAgentNotFound
	}
	return ref, err
}

func (g *grpcBinding) visitorOf(ctx context.Context) visitor {
	var addr netip.Addr
	if p, ok := peer.FromContext(ctx); ok {
		if tcp, ok := p.Addr.(*net.TCPAddr); ok {
			addr = tcp.AddrPort().Addr()
		}
	}
	md, _ := metadata.FromIncomingContext(ctx)
	return visitor{incoming(ctx, "authorization"), g.clientAddr(addr, strings.Join(md.Get("x-forwarded-for"), ", "))}
}
