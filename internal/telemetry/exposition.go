package telemetry

import (
	"bytes"
	"fmt"

	"github.com/prometheus/common/expfmt"
)

// MetricsText returns all metrics in Prometheus' text format 0.0.4, sorted by name. A
// nil Telemetry has none.
func (t *Telemetry) MetricsText() ([]byte, error) {
	if t == nil || t.registry == nil {
		return nil, nil
	}
	families, err := t.registry.Gather()
	if err != nil {
		return nil, fmt.Errorf("telemetry: gather metrics: %w", err)
	}
	var text bytes.Buffer
	for _, family := range families {
		if _, err := expfmt.MetricFamilyToText(&text, family); err != nil {
			return nil, fmt.Errorf("telemetry: write metrics: %w", err)
		}
	}
	return text.Bytes(), nil
}
