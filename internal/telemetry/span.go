package telemetry

import (
	"context"
	"fmt"
	"log/slog"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// Span is one timed step of a trace. A nil span may be used. It is safe for concurrent use.
type Span struct{ span trace.Span }

// Start begins a span as a child of the one in ctx. The caller ends it with End.
// Without an exporter it returns ctx as it is and a nil span.
func (t *Telemetry) Start(ctx context.Context, name string, attrs ...slog.Attr) (context.Context, *Span) {
	if t == nil || t.tracer == nil {
		return ctx, nil
	}
	ctx, span := t.tracer.Start(ctx, name)
	s := &Span{span: span}
	s.Set(attrs...)
	return ctx, s
}

// Set adds attributes to the span. It does nothing after End, nor on a span that
// is not sampled.
func (s *Span) Set(attrs ...slog.Attr) {
	if s == nil || !s.span.IsRecording() {
		return
	}
	kvs := make([]attribute.KeyValue, 0, len(attrs))
	for _, a := range attrs {
		kvs = appendAttr(kvs, "", a)
	}
	s.span.SetAttributes(kvs...)
}

// End ends the span, as failed when err is not nil. Only the first End counts.
func (s *Span) End(err error) {
	if s == nil {
		return
	}
	if err != nil {
		s.span.SetStatus(codes.Error, err.Error())
	}
	s.span.End()
}

// appendAttr translates a; the members of a group get its key as a prefix.
func appendAttr(kvs []attribute.KeyValue, prefix string, a slog.Attr) []attribute.KeyValue {
	key, v := prefix+a.Key, a.Value.Resolve()
	switch v.Kind() {
	case slog.KindGroup:
		if a.Key != "" {
			key += "."
		}
		for _, member := range v.Group() {
			kvs = appendAttr(kvs, key, member)
		}
		return kvs
	case slog.KindBool:
		return append(kvs, attribute.Bool(key, v.Bool()))
	case slog.KindInt64:
		return append(kvs, attribute.Int64(key, v.Int64()))
	case slog.KindFloat64:
		return append(kvs, attribute.Float64(key, v.Float64()))
	case slog.KindDuration:
		return append(kvs, attribute.Float64(key, v.Duration().Seconds()))
	case slog.KindString:
		return append(kvs, attribute.String(key, v.String()))
	default:
		return append(kvs, attribute.String(key, fmt.Sprint(v.Any())))
	}
}
