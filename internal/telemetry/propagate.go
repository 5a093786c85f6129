package telemetry

import (
	"context"
	"log/slog"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// Inject returns the W3C traceparent of the span in ctx, "" when there is none:
// a few bytes to keep in storage so that a trace goes on after a restart.
func Inject(ctx context.Context) string {
	var c carrier
	propagation.TraceContext{}.Inject(ctx, &c)
	return c.traceparent
}

// Extract returns ctx with the remote parent that Inject returned elsewhere; an
// empty or malformed one leaves ctx as it is.
func Extract(ctx context.Context, traceparent string) context.Context {
	if traceparent == "" {
		return ctx
	}
	return propagation.TraceContext{}.Extract(ctx, &carrier{traceparent})
}

// carrier holds a traceparent and drops the vendors' tracestate, which has no
// bound worth keeping in storage.
type carrier struct{ traceparent string }

const traceparentKey = "traceparent"

func (c *carrier) Get(key string) string {
	if key == traceparentKey {
		return c.traceparent
	}
	return ""
}

func (c *carrier) Set(key, value string) {
	if key == traceparentKey {
		c.traceparent = value
	}
}

func (c *carrier) Keys() []string { return []string{traceparentKey} }

// WithTraceIDs returns a handler that adds trace_id and span_id to the records
// whose context belongs to a trace, and passes everything on to h.
func WithTraceIDs(h slog.Handler) slog.Handler { return traceHandler{h} }

type traceHandler struct{ slog.Handler }

func (h traceHandler) Handle(ctx context.Context, r slog.Record) error {
	if sc := trace.SpanContextFromContext(ctx); sc.IsValid() {
		r = r.Clone() // the caller's record shares its attributes with ours
		r.AddAttrs(slog.String("trace_id", sc.TraceID().String()), slog.String("span_id", sc.SpanID().String()))
	}
	return h.Handler.Handle(ctx, r)
}

func (h traceHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return traceHandler{h.Handler.WithAttrs(attrs)}
}

func (h traceHandler) WithGroup(name string) slog.Handler {
	return traceHandler{h.Handler.WithGroup(name)}
}
