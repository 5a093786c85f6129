package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func completed(text string) string {
	return fmt.Sprintf(`{"result":{"task":{"id":"1","status":{"state":"TASK_STATE_COMPLETED"},"artifacts":[{"parts":[{"text":%q}]}]}}}`, text)
}

// answering returns a caller of a server that gives these replies in turn, the last one again and again.
func answering(t *testing.T, replies ...string) *caller {
	t.Helper()
	var n atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, replies[min(int(n.Add(1)), len(replies))-1])
	}))
	t.Cleanup(server.Close)
	return &caller{client: newLoadClient(1), url: server.URL}
}

func TestOnlyACompletedTaskCounts(t *testing.T) {
	t.Parallel()
	sent := `{"result":{"task":{"id":"1","status":{"state":"submitted"}}}}`
	got := func(state string) string {
		return fmt.Sprintf(`{"result":{"id":"1","status":{"state":%q},"artifacts":[{"parts":[{"text":%q}]}]}}`, state, echoText)
	}
	for _, c := range []struct {
		name    string
		task    func(*caller) error
		replies []string
		counts  bool
	}{
		{"an echo", blockingTask, []string{completed(echoText)}, true},
		{"another text", blockingTask, []string{completed("else")}, false},
		{"no artifact", blockingTask, []string{`{"result":{"task":{"id":"1","status":{"state":"TASK_STATE_COMPLETED"}}}}`}, false},
		{"an artifact without parts", blockingTask, []string{`{"result":{"task":{"status":{"state":"TASK_STATE_COMPLETED"},"artifacts":[{}]}}}`}, false},
		{"a task that still works", blockingTask, []string{strings.Replace(completed(echoText), "COMPLETED", "WORKING", 1)}, false},
		{"an error", blockingTask, []string{`{"error":{"code":-32601,"message":"no such method"}}`}, false},
		{"no JSON", blockingTask, []string{"<html>"}, false},
		{"polled until it is completed", polledTask, []string{sent, got("submitted"), got("working"), got("completed")}, true},
		{"polled until it has failed", polledTask, []string{sent, got("failed")}, false},
		{"polled, and completed without the echo", polledTask, []string{sent, strings.Replace(got("completed"), echoText, "", 1)}, false},
		{"read again and again", readTask, []string{completed(echoText)}, true},
		{"a card", readCard, []string{`{"skills":[]}`}, true},
		{"something else where a card should be", readCard, []string{"{}"}, false},
		{"polled and lost", polledTask, []string{sent, `{"error":{"code":-32001,"message":"task not found"}}`}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if err := c.task(answering(t, c.replies...)); (err == nil) != c.counts {
				t.Errorf("got %v, want it to count: %t", err, c.counts)
			}
		})
	}
}

// An answer to send may say completed because the server's worker has changed the
// object meanwhile; a task that is sent, then polled still takes two requests.
func TestATaskThatIsPolledTakesTwoRequestsAtLeast(t *testing.T) {
	t.Parallel()
	const done = `{"id":"1","status":{"state":"completed"},"artifacts":[{"parts":[{"text":"` + echoText + `"}]}]}`
	for name, c := range map[string]struct {
		task func(*caller) error
		want int
	}{"send then poll": {polledTask, 2}, "poll only if needed": {eagerTask, 1}} {
		caller := answering(t, `{"result":{"task":`+done+`}}`, `{"result":`+done+`}`)
		if err := c.task(caller); err != nil || caller.calls != c.want {
			t.Errorf("%s: got %d requests, %v, want %d", name, caller.calls, err, c.want)
		}
	}
}

func TestALoadCountsTasksAndFailures(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var calls atomic.Int64
	r := drive(ctx, "", 3, func(c *caller) error {
		c.calls++
		switch n := calls.Add(1); {
		case n > 90:
			cancel()
			return nil
		case n%3 == 0:
			return errors.New("a failure")
		}
		return nil
	})
	if r.Errors != 30 || int64(r.Tasks+r.Errors) != calls.Load() || int64(r.Calls) != calls.Load() || r.First != "a failure" {
		t.Errorf("got %+v of %d calls", r, calls.Load())
	}
}

func TestPercentiles(t *testing.T) {
	t.Parallel()
	var times []time.Duration
	if got := percentile(times, 99); got != 0 {
		t.Errorf("of nothing: got %s", got)
	}
	for i := range 200 {
		times = append(times, time.Duration(i+1))
	}
	for p, want := range map[int]time.Duration{0: 1, 50: 101, 99: 199, 100: 200} {
		if got := percentile(times, p); got != want {
			t.Errorf("p%d: got %d, want %d", p, got, want)
		}
	}
}

func TestAStreamIsReadChunkByChunk(t *testing.T) {
	t.Parallel()
	chunk := `data: {"result":{"artifactUpdate":{"artifact":{"parts":[{"text":"%d"}]}}}}` + "\n\n"
	body := "id: 1\ndata: {\"result\":{\"task\":{}}}\n\n: still here\n\n" + fmt.Sprintf(chunk, 7) + fmt.Sprintf(chunk, 8)
	var due []int64
	err := chunkTimes(strings.NewReader(body), func(at, _ time.Time) { due = append(due, at.UnixNano()) })
	if err != nil || fmt.Sprint(due) != "[7 8]" {
		t.Errorf("got %v, %v", due, err)
	}
	if err := chunkTimes(strings.NewReader(strings.ReplaceAll(chunk, "%d", "x")), func(time.Time, time.Time) {}); err == nil {
		t.Error("a chunk without a time was taken")
	}
}

func TestAStreamIsCompleteWithItsLastState(t *testing.T) {
	t.Parallel()
	const chunk = `data: {"result":{"artifactUpdate":{}}}` + "\n\n"
	for end, want := range map[string]bool{
		`data: {"result":{"statusUpdate":{"status":{"state":"TASK_STATE_COMPLETED"}}}}` + "\n": true,
		`data: {"result":{"statusUpdate":{"status":{"state":"completed"}}}}` + "\n":            true,
		`data: {"result":{"statusUpdate":{"status":{"state":"TASK_STATE_FAILED"}}}}` + "\n":    false,
		"": false,
	} {
		n, completed, err := countChunks(strings.NewReader("id: 1\ndata: {}\n\n" + chunk + ": still here\n\n" + chunk + end))
		if n != 2 || completed != want || err != nil {
			t.Errorf("%q: got %d, %t, %v", end, n, completed, err)
		}
	}
}

// An event that comes again, and one of another kind, do not count.
func TestAWebhookCountsOnce(t *testing.T) {
	t.Parallel()
	h, err := newHooks()
	if err != nil {
		t.Fatal(err)
	}
	defer h.close()
	chunk := fmt.Sprintf(`{"artifactUpdate":{"artifact":{"parts":[{"text":"%d"}]}}}`, time.Now().UnixNano())
	for _, body := range []string{`{"task":{}}`, chunk, chunk} {
		resp, err := http.Post(strings.Replace(h.address(0), "127.1.0.1", "127.0.0.1", 1), "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	}
	late, err := h.wait(t.Context(), 1)
	if len(late) != 1 || late[0] <= 0 || err != nil {
		t.Errorf("got %v, %v", late, err)
	}
}

func TestOrdersOfChunks(t *testing.T) {
	t.Parallel()
	n, pace, delay, err := parseOrder("100 50ms 4s")
	if n != 100 || pace != 50*time.Millisecond || delay != 4*time.Second || err != nil {
		t.Errorf("got %d, %s, %s, %v", n, pace, delay, err)
	}
	if n, pace, delay, err := parseOrder("5000"); n != 5000 || pace != 0 || delay != 0 || err != nil {
		t.Errorf("got %d, %s, %s, %v", n, pace, delay, err)
	}
	for _, bad := range []string{"", "many", "1 soon 4s", "1 50ms soon"} {
		if _, _, _, err := parseOrder(bad); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}

func TestTheTableSaysWhyARowWasNotRun(t *testing.T) {
	t.Parallel()
	var tab table
	tab.add("echo", "1000 tasks/s", "carrel 2.0x", "≥ 1x")
	tab.notRun("fasta2a", errors.New("make:\n  python3: not found"))
	var b bytes.Buffer
	if err := tab.print(&b); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(b.String()), "\n")
	if len(lines) != 3 || !strings.Contains(lines[2], "NOT RUN: make: python3: not found") {
		t.Errorf("got\n%s", b.String())
	}
}

func TestAReferenceThatCannotBeInstalledHasARow(t *testing.T) {
	t.Parallel()
	var tab table
	able := tab.able(t.Context(), settings{}, []peer{
		{name: "here", command: func(context.Context, string) ([]string, error) { return []string{"here"}, nil }},
		{name: "missing", command: func(context.Context, string) ([]string, error) { return nil, errors.New("no npm") }},
	})
	if len(able) != 1 || able[0].name != "here" || len(tab.rows) != 1 || tab.rows[0][0] != "missing" {
		t.Errorf("got %v and %v", able, tab.rows)
	}
}

func TestProcessorTimeOfAProcess(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		t.Skip("this system has no /proc, and the benchmark none of its figures")
	}
	before, err := processCPU(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	after := before
	for after == before { // ends as soon as the loop itself has used a tick
		if after, err = processCPU(os.Getpid()); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := processCPU(0); err == nil {
		t.Error("process 0 has a time")
	}
}
