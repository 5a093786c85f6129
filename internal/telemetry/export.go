package telemetry

import (
	"context"
	"log/slog"
	"os"
	"strings"

	"go.opentelemetry.io/contrib/exporters/autoexport"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// newExporter returns the exporter that the environment names, nil when it names none.
func newExporter(ctx context.Context, logger *slog.Logger) (sdktrace.SpanExporter, error) {
	if !exporterNamed() {
		return nil, nil
	}
	exporter, err := autoexport.NewSpanExporter(ctx)
	if err != nil || autoexport.IsNoneSpanExporter(exporter) {
		return nil, err
	}
	return &reportingExporter{SpanExporter: exporter, logger: logger}, nil
}

// exporterNamed asks for a decision: the specification would have every program
// send to localhost:4318 when nothing is set, which is noise on most machines.
func exporterNamed() bool {
	if strings.EqualFold(os.Getenv("OTEL_SDK_DISABLED"), "true") {
		return false
	}
	for _, name := range []string{
		"OTEL_TRACES_EXPORTER",
		"OTEL_EXPORTER_OTLP_ENDPOINT",
		"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
	} {
		if os.Getenv(name) != "" {
			return true
		}
	}
	return false
}

// reportingExporter logs what went wrong. Otherwise the SDK would tell its global
// error handler, which writes to standard error past our log.
type reportingExporter struct {
	sdktrace.SpanExporter
	logger *slog.Logger
}

func (e *reportingExporter) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	if err := e.SpanExporter.ExportSpans(ctx, spans); err != nil {
		e.logger.Warn("spans not exported", "spans", len(spans), "error", err)
	}
	return nil
}
