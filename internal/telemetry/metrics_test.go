package telemetry

import (
	"flag"
	"math"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files")

// Dashboards and alerts of other people use these names.
func TestTheMetricsAreTheDeclaredOnes(t *testing.T) {
	t.Parallel()
	tel := open(t)
	m := tel.Metrics
	m.TasksAccepted.Add(3)
	m.TasksEnded.Add(2, "completed")
	m.RunSeconds.Observe(2 * time.Millisecond)
	m.RunsLost.Add(1)
	m.RunsActive.Add(5)
	m.RunsActive.Add(-1)
	m.Followers.Add(7)
	m.HostCalls.Add(1, "task_status", "ok")
	m.RequestSeconds.Observe(30*time.Millisecond, "POST /agents", "2xx")
	m.CallSeconds.Observe(20*time.Millisecond, "/lf.a2a.v1.A2AService/GetTask", "OK")
	m.UploadsRefused.Add(1, "no memory")
	m.CompileSeconds.Observe(time.Second)
	m.SandboxesTaken.Add(2, "warm")
	m.SandboxesDropped.Add(1)
	m.ResetSeconds.Observe(20 * time.Microsecond)
	m.ResetPages.Add(21)
	m.Fuel.Add(12345)
	m.Slices.Add(3)
	m.QueueSeconds.Observe(30 * time.Microsecond)
	m.EgressDials.Add(2, "ok")
	m.EgressDials.Add(1, "refused")
	m.PushAttempts.Add(4, "delivered")
	m.PushSeconds.Observe(3 * time.Millisecond)
	m.PushesActive.Add(2)

	got := ours(t, tel)
	const golden = "testdata/metrics.txt"
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("run with -update if this is meant:\n%s", diff)
	}
}

func TestMetricsWithoutLabelsShowTheirZeroFromTheStart(t *testing.T) {
	t.Parallel()
	text := ours(t, open(t))
	for _, want := range []string{
		"carrel_tasks_accepted_total 0\n", "carrel_runs_lost_total 0\n", "carrel_runs_active 0\n",
		"carrel_followers 0\n", "carrel_run_duration_seconds_count 0\n", "carrel_compile_duration_seconds_count 0\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("lacks %q", want)
		}
	}
}

func TestTheGoRuntimeIsMeasuredToo(t *testing.T) {
	t.Parallel()
	text, err := open(t).MetricsText()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"\ngo_goroutines ", "\ngo_memstats_heap_alloc_bytes ", "\nprocess_start_time_seconds "} {
		if !strings.Contains(string(text), name) {
			t.Errorf("lacks %q", name)
		}
	}
}

func TestWhatPrometheusRefusesIsNotRecorded(t *testing.T) {
	t.Parallel()
	tel := open(t)
	before := ours(t, tel)
	m := tel.Metrics
	m.TasksAccepted.Add(-1)
	m.TasksAccepted.Add(math.NaN())
	m.TasksAccepted.Add(1, "a label too many")
	m.TasksEnded.Add(1)
	m.HostCalls.Add(1, "\xff\xfe", "ok")
	m.RunsActive.Add(1, "a label too many")
	m.RequestSeconds.Observe(time.Second, "a label too few")
	if diff := cmp.Diff(before, ours(t, tel)); diff != "" {
		t.Error(diff)
	}
}

func TestNilMetricsRecordNothing(t *testing.T) {
	t.Parallel()
	var tel *Telemetry
	if text, err := tel.MetricsText(); len(text) > 0 || err != nil {
		t.Errorf("got %q and error %v", text, err)
	}
	var m Metrics
	m.TasksAccepted.Add(1)
	m.Followers.Add(1)
	m.RunSeconds.Observe(time.Second)
	(&Counter{}).Add(1)
	(&Gauge{}).Add(1)
	(&Histogram{}).Observe(time.Second)
}

func TestMetricsCountInParallel(t *testing.T) {
	t.Parallel()
	tel := open(t)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 500 {
				tel.Metrics.TasksEnded.Add(1, "failed")
			}
		})
		wg.Go(func() { tel.MetricsText() })
	}
	wg.Wait()
	if want := `carrel_tasks_ended_total{state="failed"} 4000` + "\n"; !strings.Contains(ours(t, tel), want) {
		t.Errorf("lacks %q", want)
	}
}

func open(t *testing.T) *Telemetry {
	t.Helper()
	tel, err := New(t.Context(), Options{Version: "1.2.3"})
	if err != nil {
		t.Fatal(err)
	}
	return tel
}

// ours returns the lines about carrel's own metrics.
func ours(t *testing.T, tel *Telemetry) string {
	t.Helper()
	text, err := tel.MetricsText()
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for line := range strings.Lines(string(text)) {
		if strings.Contains(line, "carrel_") {
			b.WriteString(line)
		}
	}
	return b.String()
}
