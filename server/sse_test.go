package server

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"

	"github.com/carrelhq/carrel/task"
)

// eventStream is an open stream of server-sent events.
type eventStream struct {
	t     testing.TB
	body  io.Closer
	lines *bufio.Scanner
}

// event is one event of a stream, or a comment.
type event struct {
	id      uint64
	comment string
	Result  struct {
		Task           *struct{ ID string }
		StatusUpdate   *struct{ Status struct{ State string } }
		ArtifactUpdate *struct {
			Artifact struct{ Parts []struct{ Text string } }
		}
	}
	Error *struct{ Code int }
}

// subscribe opens a stream; headers are pairs.
func (h *house) subscribe(path, method, params string, headers ...string) *eventStream {
	h.t.Helper()
	headers = append([]string{"Content-Type", "application/json", "A2A-Version", "1.0"}, headers...)
	resp := h.open("POST", path, strings.NewReader(rpcBody(method, params)), headers...)
	h.t.Cleanup(func() { resp.Body.Close() })
	if ct := resp.Header.Get("Content-Type"); !strings.HasPrefix(ct, "text/event-stream") {
		body, _ := io.ReadAll(resp.Body)
		h.t.Fatalf("%s: got %s %s", method, ct, body)
	}
	return &eventStream{h.t, resp.Body, bufio.NewScanner(resp.Body)}
}

// next returns the next event or comment, false at the end.
func (s *eventStream) next() (e event, ok bool) {
	s.t.Helper()
	for s.lines.Scan() {
		name, value, _ := strings.Cut(s.lines.Text(), ": ")
		switch name {
		case "id":
			e.id, _ = strconv.ParseUint(value, 10, 64)
		case "data":
			if err := json.Unmarshal([]byte(value), &e); err != nil {
				s.t.Errorf("%v in %s", err, value)
			}
		case "":
			if value != "" {
				e.comment = value
			}
			if e.id != 0 || e.comment != "" || e.Error != nil {
				return e, true
			}
		}
	}
	return e, false
}

// must returns the next event.
func (s *eventStream) must() event {
	s.t.Helper()
	e, ok := s.next()
	if !ok {
		s.t.Fatalf("the stream ended: %v", s.lines.Err())
	}
	return e
}

// artifact is a chunk with some text.
func artifact(s string, more bool) *a2apb.TaskArtifactUpdateEvent {
	return &a2apb.TaskArtifactUpdateEvent{Artifact: &a2apb.Artifact{ArtifactId: "a", Parts: text(s)}, Append: more}
}

// holding is a house with a task in the hands of a worker that waits.
func holding(t *testing.T, settings ...setting) (*house, *scripted, *task.Run) {
	t.Helper()
	w := newScripted()
	h := newHouse(t, append(settings, working(t, w), dev)...)
	if r := h.rpc("/agents/acme/carded", "SendMessage", `{"message":{"messageId":"m","role":"ROLE_USER","parts":[{"text":"hold"}]},"configuration":{"returnImmediately":true}}`); r.code(t) != 0 {
		t.Fatal(r.body)
	}
	return h, w, <-w.held
}

func TestASubscriberSeesTheSnapshotAndThenEveryEventOnce(t *testing.T) {
	t.Parallel()
	h, w, run := holding(t)
	if err := run.Artifact(t.Context(), artifact("0", false)); err != nil {
		t.Fatal(err)
	}
	s := h.subscribe("/agents/acme/carded", "SubscribeToTask", `{"id":"`+run.TaskID+`"}`)
	first := s.must()
	if first.Result.Task == nil || first.id != 3 {
		t.Fatalf("got %+v, want the task as of event 3", first)
	}
	for i := range 5 {
		if err := run.Artifact(t.Context(), artifact(strconv.Itoa(i+1), true)); err != nil {
			t.Fatal(err)
		}
		e := s.must()
		if e.id != uint64(4+i) || e.Result.ArtifactUpdate == nil || e.Result.ArtifactUpdate.Artifact.Parts[0].Text != strconv.Itoa(i+1) {
			t.Errorf("got %+v, want chunk %d as event %d", e, i+1, 4+i)
		}
	}
	close(w.release)
	if e := s.must(); e.Result.StatusUpdate == nil || e.Result.StatusUpdate.Status.State != "TASK_STATE_COMPLETED" || e.id != 9 {
		t.Errorf("got %+v, want completed as event 9", e)
	}
	if e, ok := s.next(); ok {
		t.Errorf("got %+v after the end", e)
	}
}

func TestAResumedStreamBeginsAfterTheLastEventSeen(t *testing.T) {
	t.Parallel()
	h, w, run := holding(t)
	for i := range 4 {
		if err := run.Artifact(t.Context(), artifact(strconv.Itoa(i), i > 0)); err != nil {
			t.Fatal(err)
		}
	}
	params := `{"id":"` + run.TaskID + `"}`
	for _, test := range []struct {
		lastEventID string
		want        uint64
		snapshot    bool
	}{
		{"0", 1, true}, {"1", 2, false}, {"5", 6, false},
		{"", 6, true}, {"7", 6, true}, {"-1", 6, true}, {"abc", 6, true}, {"99999999999999999999", 6, true},
	} {
		e := h.subscribe("/agents/acme/carded", "SubscribeToTask", params, "Last-Event-ID", test.lastEventID).must()
		if e.id != test.want || (e.Result.Task != nil) != test.snapshot {
			t.Errorf("Last-Event-ID %q: got event %d, task %v; want %d, %v", test.lastEventID, e.id, e.Result.Task != nil, test.want, test.snapshot)
		}
	}
	// At the last event there is nothing to say, but the stream is there.
	s := h.subscribe("/agents/acme/carded", "SubscribeToTask", params, "Last-Event-ID", "6")
	close(w.release)
	if e := s.must(); e.id != 7 || e.Result.StatusUpdate == nil {
		t.Errorf("got %+v, want the end of the task as event 7", e)
	}
}

// TestABacklogIsWrittenInFewPieces resumes a stream at its beginning. Read by read it
// would be more than thirty.
func TestABacklogIsWrittenInFewPieces(t *testing.T) {
	t.Parallel()
	h, w, run := holding(t)
	const chunks, each, most = 30, 4000, 20
	chunk := func(i int) string { return strings.Repeat(string(rune('a'+i%26)), each) }
	for i := range chunks {
		if err := run.Artifact(t.Context(), artifact(chunk(i), i > 0)); err != nil {
			t.Fatal(err)
		}
	}
	before := h.writes.Load()
	s := h.subscribe("/agents/acme/carded", "SubscribeToTask", `{"id":"`+run.TaskID+`"}`, "Last-Event-ID", "2")
	for i := range chunks {
		e := s.must()
		if e.id != uint64(3+i) || e.Result.ArtifactUpdate == nil || e.Result.ArtifactUpdate.Artifact.Parts[0].Text != chunk(i) {
			t.Fatalf("event %d is not chunk %d", e.id, i)
		}
	}
	if n := h.writes.Load() - before; n > most {
		t.Errorf("%d writes of %d bytes", n, chunks*each)
	}
	close(w.release)
	if e := s.must(); e.Result.StatusUpdate == nil {
		t.Errorf("got %+v, want the end", e)
	}
	if e, ok := s.next(); ok {
		t.Errorf("got %+v after the end", e)
	}
	// The connection is good for another request, which is answered at once.
	if r := h.rpc("/agents/acme/carded", "GetTask", `{"id":"`+run.TaskID+`"}`); r.code(t) != 0 {
		t.Error(r.body)
	}
}

func TestASubscriberStaysWhileATaskWaitsForInput(t *testing.T) {
	t.Parallel()
	h := newHouse(t, working(t, newScripted()), dev)
	r := h.rpc("/agents/acme/carded", "SendMessage", `{"message":{"messageId":"m","role":"ROLE_USER","parts":[{"text":"ask"}]}}`)
	var asked struct {
		Result struct{ Task struct{ ID string } }
	}
	r.decode(t, &asked)
	id := asked.Result.Task.ID
	s := h.subscribe("/agents/acme/carded", "SubscribeToTask", `{"id":"`+id+`"}`)
	s.must()
	answer := h.subscribe("/agents/acme/carded", "SendStreamingMessage", `{"message":{"messageId":"m2","taskId":"`+id+`","role":"ROLE_USER","parts":[{"text":"ask"}]}}`)
	if e := answer.must(); e.Result.Task == nil {
		t.Errorf("the stream of a second message begins with %+v, want the task", e)
	}
	for e, ok := answer.next(); ok; e, ok = answer.next() {
		if e.Result.StatusUpdate == nil {
			t.Errorf("got %+v in the stream of the second message", e)
		}
	}
	h.rpc("/agents/acme/carded", "CancelTask", `{"id":"`+id+`"}`)
	var states []string
	for e, ok := s.next(); ok; e, ok = s.next() {
		states = append(states, e.Result.StatusUpdate.Status.State)
	}
	if got := strings.Join(slices.Compact(states), " "); got != "TASK_STATE_WORKING TASK_STATE_INPUT_REQUIRED TASK_STATE_CANCELED" {
		t.Errorf("the subscriber saw %s", got)
	}
}

func TestAnIdleStreamIsKeptAliveAndRepeatsNothing(t *testing.T) {
	t.Parallel()
	h, w, run := holding(t, func(_ *parts, o *Options) { o.KeepAlive = time.Millisecond })
	s := h.subscribe("/agents/acme/carded", "SubscribeToTask", `{"id":"`+run.TaskID+`"}`)
	last, comments := s.must().id, 0
	for comments < 3 {
		if err := run.Artifact(t.Context(), artifact("x", last > 2)); err != nil {
			t.Fatal(err)
		}
		e := s.must()
		for ; e.comment != ""; e = s.must() {
			comments++
		}
		if e.id != last+1 {
			t.Errorf("got event %d after %d", e.id, last)
		}
		last = e.id
	}
	close(w.release)
	for e, ok := s.next(); ok; e, ok = s.next() {
		if e.comment == "" && e.id != last+1 {
			t.Errorf("got event %d after %d", e.id, last)
		}
		if e.comment == "" {
			last = e.id
		}
	}
}

func TestStreamsDoNotHoldUpAShutdown(t *testing.T) {
	t.Parallel()
	h, _, run := holding(t, func(_ *parts, o *Options) { o.Grace = time.Hour })
	s := h.subscribe("/agents/acme/carded", "SubscribeToTask", `{"id":"`+run.TaskID+`"}`)
	s.must()
	if err := h.stop(); err != nil {
		t.Errorf("Serve: %v", err)
	}
}

func TestEveryReadingFollowerGetsAllInOrderWhateverTheOthersDo(t *testing.T) {
	t.Parallel()
	const readers, stuck, chunks = 12, 4, 25
	h, w, run := holding(t)
	body := rpcBody("SubscribeToTask", `{"id":"`+run.TaskID+`"}`)
	for range stuck {
		c, err := net.Dial("tcp", strings.TrimPrefix(h.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		fmt.Fprintf(c, "POST /agents/acme/carded HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nA2A-Version: 1.0\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	}
	var following, done sync.WaitGroup
	following.Add(readers)
	for range readers {
		done.Go(func() {
			s := h.subscribe("/agents/acme/carded", "SubscribeToTask", `{"id":"`+run.TaskID+`"}`)
			s.lines.Buffer(nil, 1<<20)
			last := s.must().id
			following.Done()
			for e, ok := s.next(); ok; e, ok = s.next() {
				if e.comment != "" {
					continue // nothing happened for a while
				}
				if e.id != last+1 {
					t.Errorf("got event %d after %d", e.id, last)
				}
				last = e.id
			}
			if want := uint64(2 + chunks + 1); last != want {
				t.Errorf("the last event is %d, want %d", last, want)
			}
		})
	}
	following.Wait()
	large := strings.Repeat("x", 200_000) // more in all than the buffers of those who do not read
	for i := range chunks {
		if err := run.Artifact(t.Context(), artifact(large, i > 0)); err != nil {
			t.Fatal(err)
		}
	}
	close(w.release)
	done.Wait()
}

func TestStreamsAreLimitedInNumber(t *testing.T) {
	t.Parallel()
	h, w, run := holding(t, func(_ *parts, o *Options) { o.MaxStreams = 2 })
	params := `{"id":"` + run.TaskID + `"}`
	for range 3 { // a stream that is refused takes no place
		if r := h.rpc("/agents/acme/carded", "SubscribeToTask", `{"id":"nothing"}`); r.code(t) != -32001 {
			t.Errorf("got %s", r.body)
		}
	}
	first := h.subscribe("/agents/acme/carded", "SubscribeToTask", params)
	h.subscribe("/agents/acme/carded", "SubscribeToTask", params).must()
	r := h.rpc("/agents/acme/carded", "SubscribeToTask", params)
	if r.StatusCode != http.StatusTooManyRequests || r.code(t) != -31429 || r.Header.Get("Retry-After") == "" {
		t.Errorf("got %d %s, want 429", r.StatusCode, r.body)
	}
	// A message that is refused has begun no task.
	r = h.rpc("/agents/acme/carded", "SendStreamingMessage", `{"message":{"messageId":"m","role":"ROLE_USER","parts":[{"text":"echo"}]}}`)
	if list := h.rpc("/agents/acme/carded", "ListTasks", `{}`); r.StatusCode != http.StatusTooManyRequests || !strings.Contains(list.body, `"totalSize":1}`) {
		t.Errorf("got %d, and then the tasks are %s", r.StatusCode, list.body)
	}
	close(w.release)
	for _, ok := first.next(); ok; _, ok = first.next() {
	}
	// The place of a stream that has ended is free again.
	h.subscribe("/agents/acme/carded", "SubscribeToTask", params, "Last-Event-ID", "0").must()
}

func TestAStreamThatLosesItsEventsGoesOnFromASnapshot(t *testing.T) {
	t.Parallel()
	h, w, run := holding(t)
	if err := run.Artifact(t.Context(), artifact("0", false)); err != nil {
		t.Fatal(err)
	}
	log := &forgetful{events: h.server.parts.events}
	h.server.parts.events, h.server.ops.events = log, log
	s := h.subscribe("/agents/acme/carded", "SubscribeToTask", `{"id":"`+run.TaskID+`"}`, "Last-Event-ID", "1")
	if e := s.must(); e.Result.Task == nil || e.id != 3 {
		t.Errorf("got %+v, want the task as of event 3", e)
	}
	close(w.release)
	if e := s.must(); e.Result.StatusUpdate == nil || e.id != 4 {
		t.Errorf("got %+v, want the end as event 4", e)
	}
}

func TestShutdownEndsStreamsAndLetsRequestsAnswer(t *testing.T) {
	t.Parallel()
	h, w, run := holding(t, func(_ *parts, o *Options) { o.Grace = 300 * time.Millisecond })
	s := h.subscribe("/agents/acme/carded", "SubscribeToTask", `{"id":"`+run.TaskID+`"}`)
	s.must()
	idle, err := net.Dial("tcp", strings.TrimPrefix(h.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer idle.Close()
	answered := make(chan reply, 1)
	go func() {
		answered <- h.rpc("/agents/acme/carded", "SendMessage", `{"message":{"messageId":"m2","role":"ROLE_USER","parts":[{"text":"hold"}]}}`)
	}()
	<-w.held
	if err := h.stop(); err != nil {
		t.Errorf("Serve: %v", err)
	}
	for e := s.must(); e.comment != "the server is shutting down"; e = s.must() {
		if e.Result.StatusUpdate == nil {
			t.Errorf("got %+v, want a comment that says goodbye", e)
		}
	}
	if e, ok := s.next(); ok || s.lines.Err() != nil {
		t.Errorf("got %+v, %v after the goodbye", e, s.lines.Err())
	}
	if r := <-answered; r.code(t) != 0 || !strings.Contains(r.body, "TASK_STATE_WORKING") {
		t.Errorf("the blocking call got %d %s, want the task as it is", r.StatusCode, r.body)
	}
}

// forgetful is an event log that has lost what it is asked for the first time.
type forgetful struct {
	events
	asked bool
}

func (f *forgetful) Cursor(ref task.Ref, id string, seq uint64) *task.Cursor {
	if !f.asked {
		f.asked = true
		seq = 1 << 40 // which no log has
	}
	return f.events.Cursor(ref, id, seq)
}
