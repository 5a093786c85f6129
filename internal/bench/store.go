package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
)

var durableLine = regexp.MustCompile(`^BenchmarkDurable/writers=(\d+)(?:-\d+)?\s`)

// storeAims are what badgerdb promises against Badger's SyncWrites, by number of writers.
var storeAims = map[string]string{"1": "≥ 0.9x", "64": "≥ 5x"}

// storeSection compares durable updates with Badger's own synced transactions.
func storeSection(ctx context.Context, _ settings, t *table) error {
	_, out, err := goBench(ctx, "./storage/badgerdb", "^BenchmarkDurable$", "2x")
	if err != nil {
		return err
	}
	for line := range strings.Lines(out) {
		match := durableLine.FindStringSubmatch(line)
		if match == nil {
			continue
		}
		m := metrics(line)
		t.add("durable updates, "+match[1]+" writers: badgerdb", fmt.Sprintf("%.0f/s", m["carrel/s"]), "", "")
		t.add("durable updates, "+match[1]+" writers: Badger SyncWrites", fmt.Sprintf("%.0f/s", m["badger/s"]),
			fmt.Sprintf("carrel %.2fx", m["ratio"]), storeAims[match[1]])
	}
	return nil
}

// goBench runs benchmarks of one of our packages and returns the command and what it printed.
func goBench(ctx context.Context, pkg, which, times string) (*exec.Cmd, string, error) {
	cmd := exec.CommandContext(ctx, "go", "test", "-run", "^$", "-bench", which, "-benchtime", times, pkg)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		err = fmt.Errorf("%s: %w\n%s", cmd, err, out)
	}
	return cmd, string(out), err
}

// metrics reads the value-unit pairs of a benchmark's line.
func metrics(line string) map[string]float64 {
	fields := strings.Fields(line)
	out := map[string]float64{}
	for i := 2; i+1 < len(fields); i += 2 {
		if v, err := strconv.ParseFloat(fields[i], 64); err == nil {
			out[fields[i+1]] = v
		}
	}
	return out
}
