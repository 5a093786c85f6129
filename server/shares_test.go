package server

import (
	"net/http"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

const (
	holdMessage = `{"message":{"messageId":"m","role":"ROLE_USER","parts":[{"text":"hold"}]}}`
	holdAtOnce  = `{"message":{"messageId":"m","role":"ROLE_USER","parts":[{"text":"hold"}]},"configuration":{"returnImmediately":true}}`
)

// refusedBusy fails unless the reply is a 429 for the reason.
func refusedBusy(t *testing.T, who string, r reply, reason string) {
	t.Helper()
	if r.StatusCode != http.StatusTooManyRequests || r.code(t) != -31429 || r.Header.Get("Retry-After") == "" || !strings.Contains(r.body, reason) {
		t.Errorf("%s: got %d %s, want 429 %s", who, r.StatusCode, r.body, reason)
	}
}

func TestStreamsAreSharedAmongCallers(t *testing.T) {
	t.Parallel()
	w := newScripted()
	h := newHouse(t, working(t, w), func(_ *parts, o *Options) {
		o.MaxStreams, o.TrustedProxies = 12, []string{"127.0.0.0/8"}
	})
	defer close(w.release)
	stream := func(path string, headers ...string) {
		h.subscribe(path, "SendStreamingMessage", holdMessage, headers...)
	}
	refused := func(who, path string, headers ...string) {
		refusedBusy(t, who, h.rpc(path, "SendStreamingMessage", holdMessage, headers...), "TOO_MANY_STREAMS")
	}
	for range 9 {
		stream("/agents/acme/carded", "token", "acme")
	}
	stream("/agents/acme/open", "X-Forwarded-For", "192.0.2.1")
	refused("a second of an address", "/agents/acme/open", "X-Forwarded-For", "192.0.2.1")
	refused("a tenant that has its part", "/agents/acme/carded", "token", "acme")
	refused("for its other agents, too", "/agents/acme/hidden", "token", "acme")
	stream("/agents/acme/open", "X-Forwarded-For", "192.0.2.2")
	stream("/agents/beta/carded", "token", "beta")
	refused("when all are taken", "/agents/acme/carded", "token", "operator")
	if r := h.rpc("/agents/acme/carded", "ListTasks", `{}`, "token", "acme"); !strings.Contains(r.body, `"totalSize":9`) {
		t.Errorf("a refused message began a task: %s", r.body)
	}
}

func TestCallsThatWaitAreSharedAmongCallers(t *testing.T) {
	t.Parallel()
	w := newScripted()
	h := newHouse(t, working(t, w), func(_ *parts, o *Options) { o.MaxStreams = 4 })
	answered := make(chan int, 4)
	wait := func(path, token string) {
		go func() {
			r := h.rpc(path, "SendMessage", holdMessage, "token", token)
			answered <- r.StatusCode
		}()
		<-w.held
	}
	for range 3 {
		wait("/agents/acme/carded", "acme")
	}
	refusedBusy(t, "a tenant that has its part", h.rpc("/agents/acme/carded", "SendMessage", holdMessage, "token", "acme"), "TOO_MANY_WAITING")
	if r := h.rpc("/agents/acme/carded", "SendMessage", holdAtOnce, "token", "acme"); r.code(t) != 0 {
		t.Errorf("one that does not wait: got %s", r.body)
	}
	wait("/agents/beta/carded", "beta")
	if r := h.rpc("/agents/acme/carded", "ListTasks", `{}`, "token", "acme"); !strings.Contains(r.body, `"totalSize":4`) {
		t.Errorf("a refused message began a task: %s", r.body)
	}
	close(w.release)
	for range 4 {
		if got := <-answered; got != http.StatusOK {
			t.Errorf("one that waited: got %d", got)
		}
	}
	if got := h.server.ops.waiting.open(); got != 0 {
		t.Errorf("%d places are not given back", got)
	}
}

func TestGRPCCallsAreSharedAmongAddresses(t *testing.T) {
	t.Parallel()
	w := newScripted()
	g := newGRPCHouse(t, working(t, w), func(_ *parts, o *Options) {
		o.MaxConns, o.TrustedProxies = 4, []string{"127.0.0.0/8"}
	})
	defer close(w.release)
	call := func(addr string) error {
		stream, err := g.a2a.SendStreamingMessage(g.as("acme", "a2a-version", "1.0", "x-forwarded-for", addr), ask("hold"))
		if err == nil {
			_, err = stream.Recv()
		}
		return err
	}
	for range 3 {
		if err := call("192.0.2.1"); err != nil {
			t.Fatal(err)
		}
	}
	if err := call("192.0.2.1"); status.Code(err) != codes.ResourceExhausted || !strings.Contains(err.Error(), "from this address") {
		t.Errorf("a fourth: got %v", err)
	}
	if err := call("192.0.2.2"); err != nil {
		t.Errorf("from elsewhere: %v", err)
	}
}
