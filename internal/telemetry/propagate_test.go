package telemetry

import (
	"bytes"
	"context"
	"log/slog"
	"regexp"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/trace"
)

const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

func TestATraceGoesOnFromAStoredTraceparent(t *testing.T) {
	t.Parallel()
	before, endedBefore := recording(t)
	ctx, span := before.Start(t.Context(), "request")
	stored := Inject(ctx)
	span.End(nil)

	after, endedAfter := recording(t)
	_, span = after.Start(Extract(context.Background(), stored), "run")
	span.End(nil)

	request, run := endedBefore.GetSpans()[0], endedAfter.GetSpans()[0]
	if got, want := run.SpanContext.TraceID(), request.SpanContext.TraceID(); got != want {
		t.Errorf("trace: got %s, want %s", got, want)
	}
	if got, want := run.Parent.SpanID(), request.SpanContext.SpanID(); got != want {
		t.Errorf("parent: got %s, want %s", got, want)
	}
	if !run.Parent.IsRemote() {
		t.Error("the stored parent is not marked as remote")
	}
}

func TestAMalformedTraceparentLeavesTheContextAsItIs(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{
		"", "x", "00", "00-00000000000000000000000000000000-b7ad6b7169203331-01",
		"00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
		"00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
		"ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
		traceparent + "-extra", strings.Repeat("0", 1<<20),
	} {
		ctx := Extract(t.Context(), traceparent)
		if Extract(ctx, bad) != ctx {
			t.Errorf("%.80q made another context", bad)
		}
	}
}

func TestAContextWithoutASpanHasNoTraceparent(t *testing.T) {
	t.Parallel()
	if got := Inject(t.Context()); got != "" {
		t.Errorf("got %q", got)
	}
}

func FuzzExtract(f *testing.F) {
	f.Add(traceparent)
	f.Add("01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-ff-later-version")
	f.Add("00-")
	valid := regexp.MustCompile(`^00-[0-9a-f]{32}-[0-9a-f]{16}-0[0-3]$`)
	f.Fuzz(func(t *testing.T, s string) {
		ctx := Extract(context.Background(), s)
		got := Inject(ctx)
		if got == "" {
			return
		}
		if !valid.MatchString(got) {
			t.Fatalf("%q became %q", s, got)
		}
		if again := Inject(Extract(context.Background(), got)); again != got {
			t.Errorf("%q became %q", got, again)
		}
		if !trace.SpanContextFromContext(ctx).IsRemote() {
			t.Errorf("%q is not remote", s)
		}
	})
}

func TestLogRecordsOfATraceCarryItsIDs(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	log := slog.New(WithTraceIDs(slog.NewTextHandler(&out, nil))).With("tenant", "acme")
	log.InfoContext(Extract(t.Context(), traceparent), "run ended")
	log.InfoContext(t.Context(), "no trace")
	log.WithGroup("g").InfoContext(Extract(t.Context(), traceparent), "grouped", "a", 1)
	lines := strings.Split(out.String(), "\n")
	if want := `msg="run ended" tenant=acme trace_id=0af7651916cd43dd8448eb211c80319c span_id=b7ad6b7169203331`; !strings.HasSuffix(lines[0], want) {
		t.Errorf("got %s, want %s", lines[0], want)
	}
	if want := `msg="no trace" tenant=acme`; !strings.HasSuffix(lines[1], want) {
		t.Errorf("got %s, want %s", lines[1], want)
	}
	if want := `g.trace_id=0af7651916cd43dd8448eb211c80319c`; !strings.Contains(lines[2], want) {
		t.Errorf("got %s, want %s", lines[2], want)
	}
}
