package main

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"time"
)

var listsLine = regexp.MustCompile(`^BenchmarkLists/(\S+?)(?:-\d+)?\s`)

// listsSection measures pages of the tasks of an agent that has had a million of
// them, with the number of all that match.
func listsSection(ctx context.Context, _ settings, t *table) error {
	_, out, err := goBench(ctx, "./task", "^BenchmarkLists$", "500x")
	if err != nil {
		return err
	}
	for line := range strings.Lines(out) {
		match := listsLine.FindStringSubmatch(line)
		if match == nil {
			continue
		}
		m := metrics(line)
		micros := func(unit string) string {
			return short(time.Duration(m[unit]) * time.Microsecond)
		}
		what := strings.ReplaceAll(match[1], "_", " ")
		t.add("ListTasks, 50 of 1,000,000: "+what, fmt.Sprintf("p50 %s, p99 %s, of %.0f tasks", micros("p50-µs"), micros("p99-µs"), m["tasks"]), "", "≤ 2 ms")
	}
	return nil
}
