package telemetry

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// The instruments below never panic: label values may come from outside, and a
// metric is not worth a request. What Prometheus would refuse (a wrong number of
// label values, invalid UTF-8, a counter that goes down) is not recorded.

// Counter only goes up. Label values are given in the order the metric declares them.
// It is safe for concurrent use; a nil one records nothing.
type Counter struct {
	vec *prometheus.CounterVec
	one prometheus.Counter // of a metric without labels
}

// Add adds n. A negative n, or label values that do not fit, are ignored.
func (c *Counter) Add(n float64, labels ...string) {
	if c == nil || c.vec == nil || !(n >= 0) { // so that NaN is ignored too
		return
	}
	if c.one != nil && len(labels) == 0 {
		c.one.Add(n)
		return
	}
	if m, err := c.vec.GetMetricWithLabelValues(labels...); err == nil {
		m.Add(n)
	}
}

// Gauge goes up and down. It is safe for concurrent use; a nil one records nothing.
type Gauge struct{ vec *prometheus.GaugeVec }

// Add adds n, which may be negative. Label values that do not fit are ignored.
func (g *Gauge) Add(n float64, labels ...string) {
	if g == nil || g.vec == nil {
		return
	}
	if m, err := g.vec.GetMetricWithLabelValues(labels...); err == nil {
		m.Add(n)
	}
}

// Histogram records durations in seconds. It is safe for concurrent use; a nil
// one records nothing.
type Histogram struct {
	vec *prometheus.HistogramVec
	one prometheus.Observer // of a metric without labels
}

// Observe records d. Label values that do not fit are ignored.
func (h *Histogram) Observe(d time.Duration, labels ...string) {
	if h == nil || h.vec == nil {
		return
	}
	if h.one != nil && len(labels) == 0 {
		h.one.Observe(d.Seconds())
		return
	}
	if m, err := h.vec.GetMetricWithLabelValues(labels...); err == nil {
		m.Observe(d.Seconds())
	}
}
