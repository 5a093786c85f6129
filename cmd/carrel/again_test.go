package main

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// flaky leads to a server that takes what it is sent. The first answers do not come back.
type flaky struct {
	mu    sync.Mutex
	posts int
	lose  []func(http.ResponseWriter) // what comes instead of answers to messages
}

func cutOff(http.ResponseWriter) { panic(http.ErrAbortHandler) }

func tooBusy(w http.ResponseWriter) {
	w.Header().Set("Retry-After", "0")
	http.Error(w, "busy", http.StatusServiceUnavailable)
}

func laterThanYouLike(w http.ResponseWriter) {
	w.Header().Set("Retry-After", "3600")
	http.Error(w, "come back tomorrow", http.StatusTooManyRequests)
}

func (f *flaky) next() (lose func(http.ResponseWriter)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.posts++; f.posts <= len(f.lose) {
		lose = f.lose[f.posts-1]
	}
	return lose
}

func (f *flaky) sent() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.posts
}

// before returns the address of a way to the server that loses answers.
func (f *flaky) before(t *testing.T, server string) string {
	t.Helper()
	to, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(to)
	way := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost {
			proxy.ServeHTTP(w, r)
			return
		}
		lose := f.next()
		if lose == nil {
			proxy.ServeHTTP(w, r)
			return
		}
		proxy.ServeHTTP(httptest.NewRecorder(), r) // the server has it
		lose(w)
	}))
	t.Cleanup(way.Close)
	return way.URL
}

func TestAMessageIsSentAgainUnderItsKey(t *testing.T) {
	t.Parallel()
	s := serve(t, t.TempDir())
	s.ok("push", buildAgent(t, t.TempDir(), "examples/counter"), "--agent", "counter")
	env := func(way string) []string { return []string{"CARREL_SERVER=" + way, "CARREL_TOKEN=" + s.operator()} }
	tasks := func() (list []printedTask) {
		s.decode(&list, "tasks", "list", "counter")
		return list
	}

	f := &flaky{lose: []func(http.ResponseWriter){cutOff, tooBusy}}
	got := invoke(t, env(f.before(t, "http://"+s.addr)), "send", "counter", "hello")
	if got.code != exitOK || strings.Count(got.stderr, "sending the message again in") != 2 || len(tasks()) != 1 {
		t.Errorf("exit code %d, %d tasks, %s", got.code, len(tasks()), got.stderr)
	}
	f = &flaky{lose: []func(http.ResponseWriter){cutOff}}
	if got = invoke(t, env(f.before(t, "http://"+s.addr)), "send", "counter", "hello", "--stream"); got.code != exitOK || len(tasks()) != 2 {
		t.Errorf("a stream: exit code %d, %d tasks, %s", got.code, len(tasks()), got.stderr)
	}
	f = &flaky{lose: []func(http.ResponseWriter){laterThanYouLike}}
	if got = invoke(t, env(f.before(t, "http://"+s.addr)), "send", "counter", "hello"); got.code != exitFailed || f.sent() != 1 || !strings.Contains(got.stderr, "come back tomorrow") {
		t.Errorf("a server that is busy for long: exit code %d after %d attempts, %s", got.code, f.sent(), got.stderr)
	}
	for range 2 {
		s.ok("send", "http://"+s.addr+"/agents/default/counter", "hello", "--idempotency-key", "of-a-script", "--token", s.operator())
	}
	if n := len(tasks()); n != 4 {
		t.Errorf("%d tasks, want 4: each message is one", n)
	}
}

// writeCard answers with the card of an agent at that host, which has no capabilities.
func writeCard(w io.Writer, host string) {
	io.WriteString(w, `{"name":"a","description":"d","version":"1","capabilities":{},"skills":[],"defaultInputModes":["text/plain"],"defaultOutputModes":["text/plain"],`+
		`"supportedInterfaces":[{"url":"http://`+host+`","protocolBinding":"JSONRPC","protocolVersion":"1.0"}]}`)
}

func TestABusyServerIsWaitedForAsLongAsItSays(t *testing.T) {
	t.Parallel()
	const own, never = -1, -2 // as backoff does it, and not at all
	for header, want := range map[string]time.Duration{
		"": own, "soon": own, "-1": own, "0": 0, "7": 7 * time.Second, "30": 30 * time.Second, "31": never,
		"9223372037": never, "9223372036854775807": never, // the first is negative as nanoseconds
	} {
		err := busy(&http.Response{Status: "503 Busy", StatusCode: http.StatusServiceUnavailable, Header: http.Header{"Retry-After": {header}}})
		got := time.Duration(own)
		if after := (*backoff.RetryAfterError)(nil); errors.As(err, &after) {
			got = after.Duration
		}
		if permanent := (*backoff.PermanentError)(nil); errors.As(err, &permanent) {
			got = never
		}
		if got != want || err.Error() != "the server answered 503 Busy" {
			t.Errorf("%q: waits for %d, want %d: %v", header, got, want, err)
		}
	}
}

// TestWhatMayBeTakenTwiceIsSentOnce has a card that says nothing of keys.
func TestWhatMayBeTakenTwiceIsSentOnce(t *testing.T) {
	t.Parallel()
	var posts atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			posts.Add(1)
			cutOff(w)
		}
		writeCard(w, r.Host)
	}))
	t.Cleanup(server.Close)
	if got := invoke(t, nil, "send", server.URL, "hello"); got.code != exitFailed || posts.Load() != 1 {
		t.Errorf("exit code %d after %d attempts, %s", got.code, posts.Load(), got.stderr)
	}
	if got := invoke(t, nil, "send", server.URL, "hello", "--idempotency-key", "k"); got.code != exitUsage || posts.Load() != 1 || !strings.Contains(got.stderr, "does not say that it takes keys") {
		t.Errorf("exit code %d after %d attempts, %s", got.code, posts.Load(), got.stderr)
	}
}

func TestAServerThatIsNotThereIsAskedOnce(t *testing.T) {
	t.Parallel()
	if got := invoke(t, []string{"CARREL_SERVER=http://" + freeAddr(t)}, "send", "counter", "hello"); got.code != exitFailed || !strings.Contains(got.stderr, "no server answers at") || strings.Contains(got.stderr, "again") {
		t.Errorf("exit code %d, %s", got.code, got.stderr)
	}
	card := "http://" + freeAddr(t) + "/agents/a/b"
	if got := invoke(t, nil, "send", card, "hello"); got.code != exitFailed || !strings.Contains(got.stderr, "no server answers at "+originOf(card)+"\n") {
		t.Errorf("a card where nobody is: %+v", got)
	}
}
