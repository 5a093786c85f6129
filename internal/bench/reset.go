package main

import (
	"context"
	"fmt"
	"regexp"
	"strings"
)

// resetBenchmarks are those of package image with few pages resident, in the ways
// that Linux has to find the dirty ones.
const resetBenchmarks = "^BenchmarkReset$/^(4|64|256)MiB$/^(scan|pagemap)$/^dirty-resident$/^dirty=20$"

var resetLine = regexp.MustCompile(`^BenchmarkReset/(\d+)MiB/(\w+)/dirty-resident/dirty=20(?:-\d+)?\s`)

// resetSection compares the reset of a memory with copying its whole image.
func resetSection(ctx context.Context, _ settings, t *table) error {
	cmd, out, err := goBench(ctx, "./runtime/image", resetBenchmarks, "400x")
	if err != nil {
		return err
	}
	before := len(t.rows)
	for line := range strings.Lines(out) {
		match := resetLine.FindStringSubmatch(line)
		if match == nil {
			continue
		}
		m := metrics(line)
		t.add(fmt.Sprintf("reset of an image of %s MiB, 20 pages dirty: by %s", match[1], match[2]),
			fmt.Sprintf("%.0f µs", m["µs/reset"]), part(1, m["resets/copy"])+" of copying it", "≤ 1/20")
	}
	if len(t.rows) == before {
		return fmt.Errorf("%s printed no figures: this system has none of the ways", cmd)
	}
	return nil
}
