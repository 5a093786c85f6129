// Package telemetry is the only place that knows OpenTelemetry and Prometheus.
// It hands spans and declared metrics to the other packages and refuses to be a
// global: a nil *Telemetry records nothing, everywhere.
package telemetry

import (
	"context"
	"log/slog"
)

// Telemetry records spans and metrics. A nil one records nothing. It is safe for concurrent use.
type Telemetry struct {
	// Metrics are the server's metrics; nil in a nil-like Telemetry.
	Metrics *Metrics
}

// Span is one timed step of a trace. A nil span may be used.
type Span struct{}

// Start begins a span as a child of the one in ctx.
func (t *Telemetry) Start(ctx context.Context, name string, attrs ...slog.Attr) (context.Context, *Span) {
	return ctx, nil
}

// Set adds attributes to the span.
func (s *Span) Set(attrs ...slog.Attr) {}

// End ends the span, as failed when err is not nil.
func (s *Span) End(err error) {}

// Inject returns the W3C traceparent of the span in ctx, "" when there is none:
// a few bytes to keep in storage so that a trace goes on after a restart.
func Inject(ctx context.Context) string { return "" }

// Extract returns ctx with the remote parent that Inject returned elsewhere; an
// empty or malformed one leaves ctx as it is.
func Extract(ctx context.Context, traceparent string) context.Context { return ctx }
