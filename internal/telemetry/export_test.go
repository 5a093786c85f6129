package telemetry

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// The tests of this file set environment variables, so they do not run in parallel.

// collect serves an OTLP collector and returns what it receives.
func collect(t *testing.T, status int) (url string, received <-chan *collector.ExportTraceServiceRequest) {
	t.Helper()
	requests := make(chan *collector.ExportTraceServiceRequest, 10)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/x-protobuf")
		w.WriteHeader(status)
		body, err := readBody(r)
		if err != nil {
			t.Errorf("read the request: %v", err)
			return
		}
		request := new(collector.ExportTraceServiceRequest)
		if err := proto.Unmarshal(body, request); err != nil || r.Method != http.MethodPost || r.URL.Path != "/v1/traces" {
			t.Errorf("%s %s: %v", r.Method, r.URL.Path, err)
		}
		requests <- request
	}))
	t.Cleanup(server.Close)
	return server.URL, requests
}

func readBody(r *http.Request) ([]byte, error) {
	if r.Header.Get("Content-Encoding") != "gzip" {
		return io.ReadAll(r.Body)
	}
	z, err := gzip.NewReader(r.Body)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(z)
}

// clearEnv makes the test independent of the OTEL_ variables of its caller.
func clearEnv(t *testing.T) {
	t.Helper()
	for _, kv := range os.Environ() {
		if name, _, _ := strings.Cut(kv, "="); strings.HasPrefix(name, "OTEL_") {
			t.Setenv(name, "")
		}
	}
}

func TestSpansReachTheCollectorThatTheEnvironmentNames(t *testing.T) {
	clearEnv(t)
	url, received := collect(t, http.StatusOK)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url)
	t.Setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment=test")
	tel, err := New(t.Context(), Options{Version: "1.2.3"})
	if err != nil {
		t.Fatal(err)
	}
	_, span := tel.Start(Extract(t.Context(), traceparent), "run", slog.String("agent", "echo"))
	span.End(errors.New("boom"))
	if err := tel.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	spans := (<-received).ResourceSpans[0]
	resource := make(map[string]string)
	for _, kv := range spans.Resource.Attributes {
		resource[kv.Key] = kv.Value.GetStringValue()
	}
	for key, want := range map[string]string{"service.name": "carrel", "service.version": "1.2.3", "deployment.environment": "test"} {
		if got := resource[key]; got != want {
			t.Errorf("%s: got %q, want %q", key, got, want)
		}
	}
	got := spans.ScopeSpans[0].Spans[0]
	if got.Name != "run" || got.Status.Code != tracepb.Status_STATUS_CODE_ERROR || got.Attributes[0].Value.GetStringValue() != "echo" {
		t.Errorf("got %v", got)
	}
	if diff := cmp.Diff([]byte("\xb7\xad\x6b\x71\x69\x20\x33\x31"), got.ParentSpanId); diff != "" {
		t.Errorf("parent: %s", diff)
	}
}

func TestTheEnvironmentNamesTheService(t *testing.T) {
	clearEnv(t)
	url, received := collect(t, http.StatusOK)
	t.Setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", url+"/v1/traces")
	t.Setenv("OTEL_SERVICE_NAME", "desk")
	tel, err := New(t.Context(), Options{ServiceName: "carrel"})
	if err != nil {
		t.Fatal(err)
	}
	_, span := tel.Start(t.Context(), "run")
	span.End(nil)
	if err := tel.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, kv := range (<-received).ResourceSpans[0].Resource.Attributes {
		if kv.Key == "service.name" && kv.Value.GetStringValue() != "desk" {
			t.Errorf("got service name %q", kv.Value.GetStringValue())
		}
	}
}

func TestTracingIsOffUnlessTheEnvironmentTurnsItOn(t *testing.T) {
	tests := map[string]struct {
		env map[string]string
		on  bool
	}{
		"nothing is set":                    {nil, false},
		"an exporter is named":              {map[string]string{"OTEL_TRACES_EXPORTER": "console"}, true},
		"the exporter is none":              {map[string]string{"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}, false},
		"an endpoint is named":              {map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}, true},
		"an endpoint for gRPC is named":     {map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, true},
		"the whole SDK is disabled":         {map[string]string{"OTEL_SDK_DISABLED": "true", "OTEL_TRACES_EXPORTER": "otlp"}, false},
		"only a metrics endpoint is named":  {map[string]string{"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "http://127.0.0.1:1"}, false},
		"the sampler alone does not export": {map[string]string{"OTEL_TRACES_SAMPLER": "always_on"}, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			clearEnv(t)
			for key, value := range test.env {
				t.Setenv(key, value)
			}
			tel, err := New(t.Context(), Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer tel.Shutdown(t.Context())
			if _, span := tel.Start(t.Context(), "run"); (span != nil) != test.on {
				t.Errorf("tracing: got %t, want %t", span != nil, test.on)
			}
		})
	}
}

func TestAnEnvironmentThatIsNotUnderstoodIsRefused(t *testing.T) {
	tests := map[string]map[string]string{
		"unknown exporter":    {"OTEL_TRACES_EXPORTER": "pigeon"},
		"unknown protocol":    {"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_PROTOCOL": "pigeon"},
		"malformed resources": {"OTEL_TRACES_EXPORTER": "otlp", "OTEL_RESOURCE_ATTRIBUTES": "no value"},
	}
	for name, env := range tests {
		t.Run(name, func(t *testing.T) {
			clearEnv(t)
			for key, value := range env {
				t.Setenv(key, value)
			}
			if _, err := New(t.Context(), Options{}); err == nil || !strings.HasPrefix(err.Error(), "telemetry: ") {
				t.Errorf("got error %v", err)
			}
		})
	}
}

func TestSpansThatCannotBeExportedAreLogged(t *testing.T) {
	clearEnv(t)
	url, received := collect(t, http.StatusBadRequest)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url)
	var log bytes.Buffer
	tel, err := New(t.Context(), Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	_, span := tel.Start(t.Context(), "run")
	span.End(nil)
	if err := tel.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	<-received
	if want := `msg="spans not exported" spans=1`; !strings.Contains(log.String(), want) {
		t.Errorf("got %q, want %q in it", log.String(), want)
	}
}

func TestShutdownMayBeCalledTwiceAndBeforeOtherCalls(t *testing.T) {
	clearEnv(t)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
	tel, err := New(t.Context(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := tel.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	}
	_, span := tel.Start(t.Context(), "run")
	span.End(nil)
	if _, err := tel.MetricsText(); err != nil {
		t.Errorf("metrics after Shutdown: %v", err)
	}
}
