// Package telemetry is the only place that knows OpenTelemetry and Prometheus.
// It hands spans and declared metrics to the other packages and refuses to be a
// global: a nil *Telemetry records nothing, everywhere.
//
// Spans leave the process when the standard OTEL_* variables name an exporter.
// Without one no span is made: Start costs a nil check, and the trace of a caller
// is passed on unchanged.
package telemetry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/attribute"
	sdkresource "go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// Options configure a Telemetry.
type Options struct {
	// ServiceName names this program in traces unless OTEL_SERVICE_NAME does;
	// empty means "carrel".
	ServiceName string

	// Version is the program's version, in traces and as a metric.
	Version string

	// Logger hears of spans that could not be exported; nil means discard.
	Logger *slog.Logger
}

// Telemetry records spans and metrics. A nil one records nothing. It is safe for concurrent use.
type Telemetry struct {
	// Metrics are the server's metrics; nil in a nil-like Telemetry.
	Metrics *Metrics

	registry *prometheus.Registry
	provider *sdktrace.TracerProvider // nil without an exporter
	tracer   trace.Tracer
}

// New prepares metrics, and tracing as the OTEL_* environment variables say:
// exporter, endpoint, headers, sampler (by default that of the parent), limits
// and resource. It refuses a value that it does not understand. ctx bounds the
// preparation only; nothing is sent before the first span has ended. The caller
// ends the Telemetry with Shutdown.
func New(ctx context.Context, opts Options) (*Telemetry, error) {
	if opts.ServiceName == "" {
		opts.ServiceName = "carrel"
	}
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	t := &Telemetry{registry: prometheus.NewRegistry()}
	var err error
	if t.Metrics, err = newMetrics(t.registry, opts.Version); err != nil {
		return nil, fmt.Errorf("telemetry: metrics: %w", err)
	}
	if err := t.trace(ctx, opts); err != nil {
		return nil, fmt.Errorf("telemetry: tracing: %w", err)
	}
	return t, nil
}

// trace starts tracing if the environment names an exporter.
func (t *Telemetry) trace(ctx context.Context, opts Options) error {
	exporter, err := newExporter(ctx, opts.Logger)
	if exporter == nil || err != nil {
		return err
	}
	resource, err := newResource(ctx, opts)
	if err != nil {
		return errors.Join(err, exporter.Shutdown(ctx))
	}
	t.export(sdktrace.WithBatcher(exporter), sdktrace.WithResource(resource))
	return nil
}

// export starts making spans. The provider itself reads sampler, limits and
// batch sizes from the environment.
func (t *Telemetry) export(opts ...sdktrace.TracerProviderOption) {
	t.provider = sdktrace.NewTracerProvider(opts...)
	t.tracer = t.provider.Tracer("github.com/carrelhq/carrel")
}

// newResource says who is speaking; the environment has the last word.
func newResource(ctx context.Context, opts Options) (*sdkresource.Resource, error) {
	return sdkresource.New(ctx,
		sdkresource.WithTelemetrySDK(),
		sdkresource.WithHost(),
		sdkresource.WithAttributes(
			attribute.String("service.name", opts.ServiceName),
			attribute.String("service.version", opts.Version),
		),
		sdkresource.WithFromEnv(),
	)
}

// Shutdown sends the spans that are still here and ends tracing; metrics stay
// readable. It returns when that is done or ctx has ended, and does nothing when
// called again.
func (t *Telemetry) Shutdown(ctx context.Context) error {
	if t == nil || t.provider == nil {
		return nil
	}
	if err := t.provider.Shutdown(ctx); err != nil {
		return fmt.Errorf("telemetry: shutdown: %w", err)
	}
	return nil
}
