package server

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"time"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/encoding"
	protocodec "google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/reflection"
)

const (
	// maxGRPCStreams bounds the calls that are open on one connection.
	maxGRPCStreams = 250
	// minPing is how often a client may ask whether the connection is there.
	minPing = 10 * time.Second
)

// grpcBinding is the gRPC binding. Section 10.
type grpcBinding struct {
	*Server
	serving *grpc.Server
	health  *health.Server
	// streaming tells of every method there is, by full name, whether it answers
	// with a stream.
	streaming map[string]bool
	// calls are those that are open, on all connections.
	calls *quota
	// base is what calls that answer once end with, at the end of the grace.
	base context.Context
	stop context.CancelCauseFunc
}

// ServeGRPC serves the gRPC binding on l, beside or without [Server.Serve], until
// ctx ends; then it stops accepting, ends streams with UNAVAILABLE, lets calls
// answer, and returns nil after the last one has ended. It is called once.
func (s *Server) ServeGRPC(ctx context.Context, l net.Listener) error {
	g := s.newGRPC()
	conns := newListener(l)
	failed := make(chan error, 1)
	go func() { failed <- g.serving.Serve(&bounded{conns, s.opts.MaxConns}) }()
	select {
	case err := <-failed:
		g.stop(errShuttingDown)
		g.serving.Stop()
		return err
	case <-ctx.Done():
	}
	g.shutdown(conns)
	if err := <-failed; !errors.Is(err, grpc.ErrServerStopped) {
		return err
	}
	return nil // stopped before it began
}

func (s *Server) newGRPC() *grpcBinding {
	g := &grpcBinding{Server: s, health: health.NewServer(), calls: newQuota(int64(s.opts.MaxConns)), streaming: map[string]bool{}}
	g.base, g.stop = context.WithCancelCause(context.Background())
	g.serving = grpc.NewServer(g.options()...)
	a2apb.RegisterA2AServiceServer(g.serving, &grpcService{g: g})
	grpc_health_v1.RegisterHealthServer(g.serving, &healthService{g.health, s.opts.Ready})
	reflection.Register(g.serving)
	for name, service := range g.serving.GetServiceInfo() {
		g.health.SetServingStatus(name, grpc_health_v1.HealthCheckResponse_SERVING)
		for _, m := range service.Methods {
			g.streaming["/"+name+"/"+m.Name] = m.IsServerStream
		}
	}
	return g
}

func (g *grpcBinding) options() []grpc.ServerOption {
	timing := g.opts.timing
	opts := []grpc.ServerOption{
		grpc.InTapHandle(g.admitCall),
		grpc.UnaryInterceptor(g.answerOnce),
		grpc.StreamInterceptor(g.answerStream),
		grpc.ForceServerCodecV2(boundedCodec{encoding.GetCodecV2(protocodec.Name)}),
		grpc.MaxRecvMsgSize(int(g.opts.MaxBody)),
		grpc.MaxHeaderListSize(maxHeader),
		grpc.MaxConcurrentStreams(maxGRPCStreams),
		grpc.ConnectionTimeout(timing.read),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: minPing, PermitWithoutStream: true}),
		grpc.KeepaliveParams(keepalive.ServerParameters{MaxConnectionIdle: timing.idle, Time: g.opts.KeepAlive, Timeout: timing.write}),
		// Who has called Stop may close the store next.
		grpc.WaitForHandlers(true),
	}
	if g.certs != nil {
		certs := &tls.Config{Certificates: g.certs.Certificates, MinVersion: g.certs.MinVersion}
		opts = append(opts, grpc.Creds(credentials.NewTLS(certs)))
	}
	return opts
}

// shutdown ends streams at once, lets calls end for the time of grace, has those
// that wait for tasks answer then, and cuts off what is still there.
func (g *grpcBinding) shutdown(conns *listener) {
	g.health.Shutdown()
	g.stopFollowing(errShuttingDown)
	conns.closeUnused()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		g.serving.GracefulStop()
	}()
	defer g.stop(errShuttingDown)
	if closedWithin(ended, g.opts.Grace) {
		return
	}
	g.stop(errShuttingDown)
	if closedWithin(ended, g.opts.timing.lastAnswers) {
		return
	}
	g.opts.Logger.Warn("gRPC connections cut off at shutdown", "connections", len(conns.open()))
	conns.closeAll()
	g.serving.Stop()
	<-ended
}

func closedWithin(c <-chan struct{}, limit time.Duration) bool {
	timeout := time.NewTimer(limit)
	defer timeout.Stop()
	select {
	case <-c:
		return true
	case <-timeout.C:
		return false
	}
}

// bounded is a listener that closes connections beyond a number at once.
type bounded struct {
	*listener
	max int
}

// Accept waits for the next connection there is room for.
func (b *bounded) Accept() (net.Conn, error) {
	for {
		c, err := b.listener.Accept()
		if err != nil || b.count() <= b.max {
			return c, err
		}
		c.Close()
	}
}

// healthService is grpc-go's health service with the server's own readiness.
type healthService struct {
	*health.Server
	ready func(context.Context) error
}

// Check says whether the server takes work.
func (h *healthService) Check(ctx context.Context, req *grpc_health_v1.HealthCheckRequest) (*grpc_health_v1.HealthCheckResponse, error) {
	reply, err := h.Server.Check(ctx, req)
	if err == nil && h.ready != nil && h.ready(ctx) != nil {
		reply = &grpc_health_v1.HealthCheckResponse{Status: grpc_health_v1.HealthCheckResponse_NOT_SERVING}
	}
	return reply, err
}
