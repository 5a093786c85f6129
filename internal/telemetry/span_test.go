package telemetry

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
)

// recording returns a Telemetry whose ended spans are in the exporter at once.
func recording(t *testing.T, opts ...sdktrace.TracerProviderOption) (*Telemetry, *tracetest.InMemoryExporter) {
	t.Helper()
	spans := tracetest.NewInMemoryExporter()
	tel := &Telemetry{}
	tel.export(append(opts, sdktrace.WithSyncer(spans))...)
	return tel, spans
}

func TestASpanIsAChildOfTheOneInItsContext(t *testing.T) {
	t.Parallel()
	tel, ended := recording(t)
	ctx, parent := tel.Start(t.Context(), "request")
	_, child := tel.Start(ctx, "run")
	child.End(nil)
	parent.End(nil)
	spans := ended.GetSpans()
	if len(spans) != 2 {
		t.Fatalf("got %d spans, want 2", len(spans))
	}
	if got, want := spans[0].Parent.SpanID(), spans[1].SpanContext.SpanID(); got != want {
		t.Errorf("parent: got %s, want %s", got, want)
	}
	if got, want := spans[0].SpanContext.TraceID(), spans[1].SpanContext.TraceID(); got != want {
		t.Errorf("trace: got %s, want %s", got, want)
	}
}

func TestAttributesKeepTheirKind(t *testing.T) {
	t.Parallel()
	tel, ended := recording(t)
	_, span := tel.Start(t.Context(), "run",
		slog.String("agent", "echo"), slog.Int("run", 2), slog.Bool("ok", true), slog.Float64("share", 0.5))
	span.Set(
		slog.Duration("took", 1500*time.Millisecond),
		slog.Uint64("fuel", 7),
		slog.Any("error", errors.New("boom")),
		slog.Group("guest", slog.String("lang", "go"), slog.Group("memory", slog.Int("pages", 3))),
		slog.Group("", slog.String("inline", "yes")),
	)
	span.End(nil)
	got := make(map[string]any)
	for _, kv := range ended.GetSpans()[0].Attributes {
		got[string(kv.Key)] = kv.Value.AsInterface()
	}
	want := map[string]any{
		"agent": "echo", "run": int64(2), "ok": true, "share": 0.5, "took": 1.5, "fuel": "7", "error": "boom",
		"guest.lang": "go", "guest.memory.pages": int64(3), "inline": "yes",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestASpanThatEndsWithAnErrorHasFailed(t *testing.T) {
	t.Parallel()
	tel, ended := recording(t)
	for _, err := range []error{nil, errors.New("out of memory")} {
		_, span := tel.Start(t.Context(), "run")
		span.End(err)
		span.End(errors.New("the second End does not count"))
	}
	spans := ended.GetSpans()
	want := []sdktrace.Status{{Code: codes.Unset}, {Code: codes.Error, Description: "out of memory"}}
	got := []sdktrace.Status{spans[0].Status, spans[1].Status}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestNothingRecordsWithoutAnExporter(t *testing.T) {
	t.Parallel()
	for name, tel := range map[string]*Telemetry{"nil": nil, "zero": {}} {
		ctx := Extract(t.Context(), traceparent)
		got, span := tel.Start(ctx, "run", slog.String("agent", "echo"))
		if got != ctx || span != nil {
			t.Errorf("%s: Start made a span", name)
		}
		span.Set(slog.Int("run", 1))
		span.End(errors.New("boom"))
		if Inject(got) != traceparent {
			t.Errorf("%s: the caller's trace was not passed on", name)
		}
		if err := tel.Shutdown(t.Context()); err != nil {
			t.Errorf("%s: Shutdown: %v", name, err)
		}
	}
}

func TestAParentThatIsNotSampledDecidesForItsChildren(t *testing.T) {
	t.Parallel()
	tel, ended := recording(t)
	ctx := Extract(t.Context(), "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00")
	ctx, span := tel.Start(ctx, "run", slog.String("agent", "echo"))
	span.End(nil)
	if n := len(ended.GetSpans()); n != 0 {
		t.Errorf("got %d spans of a trace that is not sampled", n)
	}
	if got := Inject(ctx); got[:36] != "00-0af7651916cd43dd8448eb211c80319c-" || got[52:] != "-00" {
		t.Errorf("got traceparent %s", got)
	}
}

func BenchmarkStartAndEnd(b *testing.B) {
	traced := &Telemetry{}
	traced.export(sdktrace.WithSyncer(tracetest.NewNoopExporter()))
	for name, tel := range map[string]*Telemetry{"without exporter": {}, "with exporter": traced} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, span := tel.Start(context.Background(), "run", slog.String("agent", "echo"), slog.Int("run", 1))
				span.End(nil)
			}
		})
	}
}
