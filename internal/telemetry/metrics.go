package telemetry

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// Metrics are all metrics of the server, declared in one place. The methods of
// the fields' types accept nil receivers.
type Metrics struct {
	// TasksAccepted counts accepted messages that made a task; TasksEnded counts
	// finished tasks by state (completed, failed, canceled, rejected).
	TasksAccepted *Counter
	TasksEnded    *Counter
	// RunSeconds is the time a worker had a run, RunsLost the attempts that were lost.
	RunSeconds *Histogram
	RunsLost   *Counter
	// RunsActive is the number of runs at the moment; Followers that of open streams.
	RunsActive *Gauge
	Followers  *Gauge
	// HostCalls counts host calls by function and outcome ("ok" or a code).
	HostCalls *Counter
	// RequestSeconds is the time of HTTP requests by route and status class.
	RequestSeconds *Histogram
	// CallSeconds is the time of gRPC calls by method and status code; that of a
	// stream is its whole length.
	CallSeconds *Histogram
	// UploadsRefused counts refused modules by rule.
	UploadsRefused *Counter
	// CompileSeconds is the time of compiling a module.
	CompileSeconds *Histogram
	// SandboxesTaken counts sandboxes handed out: warm (reset before), new (from a
	// snapshot) or fresh (initialized anew). SandboxesDropped counts those not used again.
	SandboxesTaken   *Counter
	SandboxesDropped *Counter
	// ResetSeconds is the time of making a sandbox clean, ResetPages counts the pages restored.
	ResetSeconds *Histogram
	ResetPages   *Counter
	// Fuel counts what guests spent, Slices their turns on the CPU; QueueSeconds is
	// how long runs waited for their first.
	Fuel         *Counter
	Slices       *Counter
	QueueSeconds *Histogram
	// EgressDials counts connections that were asked for, by outcome: ok, failed,
	// or refused for an address that is not public.
	EgressDials *Counter
	// PushAttempts counts attempts at webhooks by outcome: delivered, failed (to be
	// tried again), refused (the event is left out), or dead (given up); PushSeconds is
	// the time from an event to its delivery, PushesActive the requests at the moment.
	PushAttempts *Counter
	PushSeconds  *Histogram
	PushesActive *Gauge
	// MemoryWaitSeconds is how long sandboxes waited for which there was no memory.
	MemoryWaitSeconds *Histogram
	// ModulesLoaded and ModulesUnloaded count modules that were made ready, and those
	// that had to make room for others.
	ModulesLoaded   *Counter
	ModulesUnloaded *Counter
}

// newMetrics declares every metric in reg, beside those of the Go runtime and of
// the process.
func newMetrics(reg *prometheus.Registry, version string) (*Metrics, error) {
	d := declarer{reg: reg}
	m := &Metrics{
		TasksAccepted:    d.counter("carrel_tasks_accepted_total", "Messages accepted that made a task."),
		TasksEnded:       d.counter("carrel_tasks_ended_total", "Tasks that reached a final state.", "state"),
		RunSeconds:       d.histogram("carrel_run_duration_seconds", "Time a worker had a run."),
		RunsLost:         d.counter("carrel_runs_lost_total", "Attempts at a run that were lost and had to be repeated."),
		RunsActive:       d.gauge("carrel_runs_active", "Runs at the moment."),
		Followers:        d.gauge("carrel_followers", "Open streams at the moment."),
		HostCalls:        d.counter("carrel_host_calls_total", "Host calls of guests.", "function", "outcome"),
		RequestSeconds:   d.histogram("carrel_http_request_duration_seconds", "Time of HTTP requests.", "route", "status"),
		UploadsRefused:   d.counter("carrel_uploads_refused_total", "Modules refused at upload.", "rule"),
		CompileSeconds:   d.histogram("carrel_compile_duration_seconds", "Time of compiling a module."),
		SandboxesTaken:   d.counter("carrel_sandboxes_taken_total", "Sandboxes handed out to runs.", "kind"),
		SandboxesDropped: d.counter("carrel_sandboxes_dropped_total", "Sandboxes that were closed after a run instead of being reset."),
		ResetSeconds:     d.histogram("carrel_sandbox_reset_duration_seconds", "Time of making a sandbox clean for the next run."),
		ResetPages:       d.counter("carrel_sandbox_reset_pages_total", "Pages of memory restored by resets."),
	}
	m.CallSeconds = d.histogram("carrel_grpc_call_duration_seconds", "Time of gRPC calls.", "method", "code")
	m.Fuel = d.counter("carrel_fuel_spent_total", "Fuel that guests spent, about an instruction each.")
	m.Slices = d.counter("carrel_slices_total", "Slices of CPU time that guests had.")
	m.QueueSeconds = d.histogram("carrel_cpu_wait_duration_seconds", "Time that guests waited for the CPU before they began.")
	m.EgressDials = d.counter("carrel_egress_dials_total", "Connections made for tenants.", "outcome")
	m.PushAttempts = d.counter("carrel_push_attempts_total", "Attempts to deliver an event to a webhook.", "outcome")
	m.PushSeconds = d.histogram("carrel_push_delay_seconds", "Time from an event to its delivery to a webhook.")
	m.PushesActive = d.gauge("carrel_pushes_active", "Requests to webhooks at the moment.")
	m.MemoryWaitSeconds = d.histogram("carrel_memory_wait_duration_seconds", "Time that sandboxes waited for which there was no memory.")
	m.ModulesLoaded = d.counter("carrel_modules_loaded_total", "Compiled modules that were made ready to run.")
	m.ModulesUnloaded = d.counter("carrel_modules_unloaded_total", "Compiled modules that were given up to make room.")
	d.gauge("carrel_build_info", "Always 1, labelled with the version of the program.", "version").Add(1, version)
	d.register(collectors.NewGoCollector())
	d.register(collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m, errors.Join(d.errs...)
}

// durations are the upper bounds of histogram buckets in seconds: from a reset of
// a sandbox to the longest blocking request.
var durations = []float64{
	.00001, .000025, .00005, .0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300, 600,
}

// declarer registers metrics and collects what goes wrong.
type declarer struct {
	reg  *prometheus.Registry
	errs []error
}

func (d *declarer) register(c prometheus.Collector) {
	if err := d.reg.Register(c); err != nil {
		d.errs = append(d.errs, err)
	}
}

// A metric without labels shows its zero from the start, so that a rate over it
// does not miss the first event.

func (d *declarer) counter(name, help string, labels ...string) *Counter {
	c := &Counter{vec: prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)}
	d.register(c.vec)
	if len(labels) == 0 {
		c.one = c.vec.WithLabelValues()
	}
	return c
}

func (d *declarer) gauge(name, help string, labels ...string) *Gauge {
	g := &Gauge{prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, labels)}
	d.register(g.vec)
	if len(labels) == 0 {
		g.Add(0)
	}
	return g
}

func (d *declarer) histogram(name, help string, labels ...string) *Histogram {
	opts := prometheus.HistogramOpts{Name: name, Help: help, Buckets: durations}
	h := &Histogram{vec: prometheus.NewHistogramVec(opts, labels)}
	d.register(h.vec)
	if len(labels) == 0 {
		h.one = h.vec.WithLabelValues()
	}
	return h
}
