package server

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/carrelhq/carrel/agent"
	"github.com/carrelhq/carrel/task"
)

// dial opens a connection of its own and sends a request as it is.
func (h *house) dial(raw string) (net.Conn, *bufio.Reader) {
	h.t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(h.url, "http://"))
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { c.Close() })
	if _, err := io.WriteString(c, strings.ReplaceAll(raw, "\n", "\r\n")); err != nil {
		h.t.Fatal(err)
	}
	return c, bufio.NewReader(c)
}

// answer reads one response.
func (h *house) answer(r *bufio.Reader) reply {
	h.t.Helper()
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		h.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	return reply{resp, string(body)}
}

func TestAnOversizedBodyIsAnsweredNotReset(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	call := func(size int) string {
		return rpcBody("SendMessage", `{"message":{"messageId":"m","role":"ROLE_USER","parts":[{"text":"`+strings.Repeat("x", size)+`"}]}}`)
	}
	for _, test := range []struct {
		name string
		body io.Reader
	}{
		{"10 MB, announced", strings.NewReader(call(10 << 20))},
		{"10 MB, chunked", io.MultiReader(strings.NewReader(call(10 << 20)))},
		{"100 MB, announced", strings.NewReader(call(100 << 20))},
		{"a little too much", strings.NewReader(call(1 << 20))},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			h := *h
			h.t = t
			resp := h.open("POST", "/agents/acme/carded", test.body, "token", "acme", "Content-Type", "application/json", "A2A-Version", "1.0")
			defer resp.Body.Close()
			body, err := io.ReadAll(resp.Body)
			if err != nil {
				t.Fatal(err)
			}
			r := reply{resp, string(body)}
			if r.StatusCode != http.StatusRequestEntityTooLarge || r.code(t) != -32600 || len(r.body) > 1000 {
				t.Errorf("got %d with %d bytes, want a short 413", r.StatusCode, len(r.body))
			}
		})
	}
}

func TestWhatIsLeftOfABodyIsNotTheNextRequest(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	smuggled := "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
	many := strings.Repeat(smuggled, maxDrain/len(smuggled)+10)
	for _, test := range []struct {
		name, request string
		status        int
		closes        bool
	}{
		{"little, on a route that reads none", fmt.Sprintf("POST /nowhere HTTP/1.1\nHost: x\nContent-Length: %d\n\n", len(smuggled)) + smuggled, 404, false},
		{"little, chunked", fmt.Sprintf("POST /nowhere HTTP/1.1\nHost: x\nTransfer-Encoding: chunked\n\n%x\n", len(smuggled)) + smuggled + "\n0\n\n", 404, false},
		{"little, before a key was shown", fmt.Sprintf("POST /api/v1/server HTTP/1.1\nHost: x\nContent-Length: %d\n\n", len(smuggled)) + smuggled, 401, false},
		{"much", fmt.Sprintf("POST /nowhere HTTP/1.1\nHost: x\nContent-Length: %d\n\n", len(many)) + many, 404, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			h := *h
			h.t = t
			// The carriage returns of the smuggled request are there already.
			c, r := h.dial(strings.ReplaceAll(test.request, "\r\n", "\n"))
			got := h.answer(r)
			if got.StatusCode != test.status || got.Close != test.closes {
				t.Errorf("got %d, close %v; want %d, %v", got.StatusCode, got.Close, test.status, test.closes)
			}
			if test.closes {
				if rest, _ := io.ReadAll(r); len(rest) > 0 {
					t.Errorf("got %q after the answer", rest)
				}
				return
			}
			io.WriteString(c, "GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n")
			if next := h.answer(r); next.body != "ready\n" {
				t.Errorf("the next answer is %q, want that of the next request", next.body)
			}
		})
	}
}

func TestSlowRequestsAreCutOff(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(_ *parts, o *Options) { o.timing.read = 50 * time.Millisecond })
	head := "POST /agents/acme/carded HTTP/1.1\nHost: x\nAuthorization: Bearer " + h.tokens["acme"] + "\nContent-Type: application/json\nA2A-Version: 1.0\n"
	_, slow := h.dial(head + "Content-Length: 1000\n\n{\"jsonrpc\":")
	if r := h.answer(slow); r.StatusCode != http.StatusRequestTimeout || !r.Close {
		t.Errorf("a body that does not come: got %d %s", r.StatusCode, r.body)
	}
	_, slower := h.dial("POST /agents/acme/carded HTTP/1.1\nHost:")
	if rest, err := io.ReadAll(slower); err != nil || len(rest) > 0 && !strings.Contains(string(rest), " 408 ") {
		t.Errorf("a header that does not come: got %q, %v; want the connection closed", rest, err)
	}
	_, silent := h.dial("")
	if rest, err := io.ReadAll(silent); err != nil || len(rest) > 0 && !strings.Contains(string(rest), " 408 ") {
		t.Errorf("a connection that says nothing: got %q, %v", rest, err)
	}
	_, upload := h.dial("PUT /api/v1/tenants/acme/agents/a HTTP/1.1\nHost: x\nAuthorization: Bearer " + h.tokens["acme"] + "\nContent-Type: application/wasm\nContent-Length: 1000000\n\nasm")
	if r := h.answer(upload); r.StatusCode != http.StatusRequestTimeout {
		t.Errorf("an upload that does not come: got %d %s", r.StatusCode, r.body)
	}
}

func TestLargeHeadersAreRefused(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for name, head := range map[string]string{
		"a field":     "GET /healthz HTTP/1.1\r\nHost: x\r\nX-Filler: %s\r\n\r\n",
		"the query":   "GET /healthz?%s HTTP/1.1\r\nHost: x\r\n\r\n",
		"the address": "GET /agents/acme/%s HTTP/1.1\r\nHost: x\r\n\r\n",
	} {
		for _, size := range []int{maxHeader, maxHeader + 1, 2 * maxHeader, 4 << 20} {
			raw := fmt.Sprintf(head, strings.Repeat("x", size-len(head)+len("%s")))
			c, r := h.dial("")
			if _, err := io.WriteString(c, raw); err != nil {
				t.Errorf("%s, %d bytes: %v; want an answer", name, size, err)
			}
			got := h.answer(r)
			switch refused := got.StatusCode == http.StatusRequestHeaderFieldsTooLarge; {
			case refused != (size > maxHeader):
				t.Errorf("%s, %d bytes: got %d %s", name, size, got.StatusCode, got.body)
			case refused && !strings.Contains(got.body, "TOO_LARGE"):
				t.Errorf("%s, %d bytes: got %s", name, size, got.body)
			}
		}
	}
	_, r := h.dial("GARBAGE\n\n")
	if got := h.answer(r); got.StatusCode != http.StatusBadRequest || !strings.HasPrefix(got.body, "{") {
		t.Errorf("no HTTP: got %d %s", got.StatusCode, got.body)
	}
}

func TestConnectionsAreLimitedInNumber(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(_ *parts, o *Options) { o.MaxConns = 1 })
	first, r := h.dial("GET /healthz HTTP/1.1\nHost: x\n\n")
	h.answer(r)
	_, other := h.dial("GET /healthz HTTP/1.1\nHost: x\n\n")
	if got := h.answer(other); got.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("got %d, want 503", got.StatusCode)
	}
	io.WriteString(first, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
	if got := h.answer(r); got.StatusCode != http.StatusOK {
		t.Errorf("the first connection got %d", got.StatusCode)
	}
}

func TestAClientThatDoesNotReadLosesItsStream(t *testing.T) {
	t.Parallel()
	h, w, run := holding(t, func(_ *parts, o *Options) { o.timing.write = 20 * time.Millisecond })
	body := rpcBody("SubscribeToTask", `{"id":"`+run.TaskID+`"}`)
	_, r := h.dial(fmt.Sprintf("POST /agents/acme/carded HTTP/1.1\nHost: localhost\nContent-Type: application/json\nA2A-Version: 1.0\nContent-Length: %d\n\n", len(body)) + body)
	if _, err := r.Peek(1); err != nil {
		t.Fatal(err)
	}
	loseStream(t, h, run)
	close(w.release)
}

// loseStream writes more than the system keeps for a client that does not read,
// and less than a task may, and waits until the client's stream has ended.
func loseStream(t *testing.T, h *house, run *task.Run) {
	t.Helper()
	chunk := strings.Repeat("x", 200_000)
	for i := range 120 {
		if err := run.Artifact(t.Context(), artifact(chunk, i > 0)); err != nil {
			t.Fatal(err)
		}
	}
	if !drained(time.Minute, func() bool { return h.server.streams.open() == 0 }) {
		t.Error("the client kept its stream")
	}
}

// TestAStreamOutlivesTheWriteTimeout holds the order in which fasthttp sets its deadline and a stream its own.
func TestAStreamOutlivesTheWriteTimeout(t *testing.T) {
	t.Parallel()
	h, w, run := holding(t, func(_ *parts, o *Options) {
		o.timing.write = 30 * time.Millisecond
		o.KeepAlive = 50 * time.Millisecond
	})
	s := h.subscribe("/agents/acme/carded", "SubscribeToTask", `{"id":"`+run.TaskID+`"}`)
	for comments := 0; comments < 4; {
		if e := s.must(); e.comment != "" {
			comments++
		}
	}
	close(w.release)
	for e := s.must(); e.Result.StatusUpdate == nil || e.Result.StatusUpdate.Status.State != "TASK_STATE_COMPLETED"; e = s.must() {
	}
}

// broken is a register that fails.
type broken struct {
	agents
	panics bool
}

func (b broken) Get(context.Context, string, string) (agent.Agent, error) {
	if b.panics {
		panic("secret")
	}
	return agent.Agent{}, errors.New("secret")
}

func TestWhatGoesWrongInsideStaysInside(t *testing.T) {
	t.Parallel()
	for _, panics := range []bool{false, true} {
		h := newHouse(t, func(p *parts, o *Options) { p.agents, o.Logger = broken{p.agents, panics}, nil })
		for _, r := range []reply{
			h.rpc("/agents/acme/open", "GetTask", `{"id":"x"}`),
			h.do("GET", "/agents/acme/open/.well-known/agent-card.json", ""),
			h.do("GET", "/api/v1/tenants/acme/agents/open", "", "token", "acme"),
		} {
			if strings.Contains(r.body, "secret") || !strings.Contains(r.body, "Internal") {
				t.Errorf("panics %v: got %d %s", panics, r.StatusCode, r.body)
			}
		}
		if r := h.do("GET", "/healthz", ""); r.StatusCode != http.StatusOK {
			t.Errorf("panics %v: the server is not alive", panics)
		}
	}
}

func TestABodyIsReadUpToItsLimit(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		length int64
		limit  int64
		err    error
	}{
		{"exactly the limit", 100_000, 100_000, nil},
		{"one more", 100_001, 100_000, errTooLarge},
		{"an empty one", 0, 100_000, nil},
	} {
		for _, announced := range []bool{true, false} {
			b := &body{stream: bytes.NewReader(make([]byte, test.length)), length: test.length}
			if !announced {
				b.length = -1
			}
			data, err := b.all(test.limit)
			if !errors.Is(err, test.err) || err == nil && int64(len(data)) != test.length {
				t.Errorf("%s, announced %v: got %d bytes, %v", test.name, announced, len(data), err)
			}
		}
	}
}

// deadlines is a connection that counts how often its read deadline moves.
type deadlines struct {
	net.Conn
	moved int
}

func (d *deadlines) SetReadDeadline(time.Time) error {
	d.moved++
	return nil
}

func TestAnUploadMayTakeItsTimeAsLongAsItComes(t *testing.T) {
	t.Parallel()
	conn := &deadlines{}
	b := &body{stream: bytes.NewReader(make([]byte, 10*uploadStep)), length: 10 * uploadStep, conn: conn, pace: time.Minute}
	if n, err := io.Copy(io.Discard, b); n != 10*uploadStep || err != nil {
		t.Fatal(n, err)
	}
	if conn.moved < 10 {
		t.Errorf("the deadline moved %d times, want once for each of 10 steps", conn.moved)
	}
}
