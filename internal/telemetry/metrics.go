package telemetry

import "time"

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
	// UploadsRefused counts refused modules by rule.
	UploadsRefused *Counter
	// CompileSeconds is the time of compiling a module.
	CompileSeconds *Histogram
}

// Counter only goes up. Label values are given in the order the metric declares them.
type Counter struct{}

// Add adds n.
func (c *Counter) Add(n float64, labels ...string) {}

// Gauge goes up and down.
type Gauge struct{}

// Add adds n, which may be negative.
func (g *Gauge) Add(n float64, labels ...string) {}

// Histogram records durations in seconds.
type Histogram struct{}

// Observe records d.
func (h *Histogram) Observe(d time.Duration, labels ...string) {}
