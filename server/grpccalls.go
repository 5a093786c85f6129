package server

import (
	"context"
	"log/slog"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/tap"

	"github.com/carrelhq/carrel/internal/telemetry"
)

// arrival is the context key of what ends a call whose request does not arrive.
type arrival struct{}

// admitCall sees a call before its request is read. It refuses methods that there
// are not, as gRPC would without a reason, and bounds the number of the others, by
// address since nobody has looked at a key yet, gives the request its time to
// arrive, and ends the call with the server: a stream when streams end, others
// when the grace is over.
func (g *grpcBinding) admitCall(ctx context.Context, info *tap.Info) (context.Context, error) {
	streams, known := g.streaming[info.FullMethodName]
	if !known {
		return ctx, g.status(ctx, errMethodNotFound)
	}
	from := party{addr: network(g.visitorOf(ctx).addr)}
	if !g.calls.take(from, 1) {
		return ctx, g.status(ctx, errTooManyCalls)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	slow := time.AfterFunc(g.opts.timing.read, func() { cancel(errSlow) })
	ends := g.base
	if streams {
		ends = g.following
	}
	unbind := context.AfterFunc(ends, func() { cancel(context.Cause(ends)) })
	context.AfterFunc(ctx, func() {
		unbind()
		slow.Stop()
		cancel(nil)
		g.calls.give(from, 1)
	})
	return context.WithValue(ctx, arrival{}, slow), nil
}

// arrived tells that the request is there.
func arrived(ctx context.Context) {
	if slow, ok := ctx.Value(arrival{}).(*time.Timer); ok {
		slow.Stop()
	}
}

// answerOnce is around every call that is answered once.
func (g *grpcBinding) answerOnce(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (reply any, err error) {
	arrived(ctx)
	err = g.observed(ctx, info.FullMethod, func(ctx context.Context) (err error) {
		reply, err = handler(ctx, req)
		return err
	})
	if err != nil {
		return nil, err
	}
	return reply, nil
}

// answerStream is around every call that is answered with a stream.
func (g *grpcBinding) answerStream(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	return g.observed(stream.Context(), info.FullMethod, func(ctx context.Context) error {
		return handler(srv, &arriving{stream, ctx})
	})
}

// arriving is a stream that notices the arrival of the request.
type arriving struct {
	grpc.ServerStream
	ctx context.Context
}

// Context returns the context of the call.
func (a *arriving) Context() context.Context { return a.ctx }

// RecvMsg reads the next message of the client.
func (a *arriving) RecvMsg(m any) error {
	err := a.ServerStream.RecvMsg(m)
	if err == nil {
		arrived(a.ctx)
	}
	return err
}

// observed runs a call with a span, measures it, and makes a status of what it
// returns, or panics with.
func (g *grpcBinding) observed(ctx context.Context, method string, call func(context.Context) error) (err error) {
	begin := time.Now()
	ctx, span := g.opts.Telemetry.Start(telemetry.Extract(ctx, incoming(ctx, "traceparent")), "gRPC "+method)
	defer func() {
		if p := recover(); p != nil {
			err = g.panicked(p)
		}
		err = g.status(ctx, err)
		code := status.Code(err)
		span.Set(slog.String("rpc.method", method), slog.String("rpc.grpc.status_code", code.String()))
		span.End(nil)
		g.observeCall(ctx, method, code, time.Since(begin))
	}()
	return call(ctx)
}

func (g *grpcBinding) observeCall(ctx context.Context, method string, code codes.Code, took time.Duration) {
	if t := g.opts.Telemetry; t != nil && t.Metrics != nil {
		t.Metrics.CallSeconds.Observe(took, method, code.String())
	}
	if g.opts.Logger.Enabled(ctx, slog.LevelDebug) {
		g.opts.Logger.LogAttrs(ctx, slog.LevelDebug, "call",
			slog.String("method", method), slog.String("code", code.String()), slog.Duration("took", took))
	}
}

// incoming returns the first value of a key in the call's metadata, "" when absent.
func incoming(ctx context.Context, key string) string {
	if values := metadata.ValueFromIncomingContext(ctx, key); len(values) > 0 {
		return values[0]
	}
	return ""
}
