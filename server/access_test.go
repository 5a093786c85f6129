package server

import (
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carrelhq/carrel/task"
	"github.com/carrelhq/carrel/tenant"
)

// methods are the verbs that every route is tried with.
var methods = []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}

// rpcMethodNames are all methods of the binding.
func (s *Server) rpcMethodNames() []string {
	var names []string
	for name := range s.methods {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// TestWhatIsNotYoursIsNotThere asks on every route and with every verb for
// another tenant's things and for things that do not exist, and wants the same
// answer, byte for byte but for the names that were asked for.
func TestWhatIsNotYoursIsNotThere(t *testing.T) {
	t.Parallel()
	w := newScripted()
	h := newHouse(t, working(t, w))
	var sent struct {
		Result struct {
			Task struct{ ID, ContextID string }
		}
	}
	h.rpc("/agents/beta/hidden", "SendMessage", `{"message":{"messageId":"m","role":"ROLE_USER","parts":[{"text":"ask"}]}}`, "token", "beta").decode(t, &sent)
	taskID, contextID := sent.Result.Task.ID, sent.Result.Task.ContextID
	keys, err := h.keys.List(t.Context(), "beta")
	if err != nil || len(keys) != 1 || taskID == "" {
		t.Fatal(keys, err, sent)
	}
	const noTask = "00000000-0000-4000-8000-000000000000"

	// Each pair is a path to what is another's, and to what nobody has.
	pairs := [][2]string{
		{"/agents/beta/hidden", "/agents/beta/nobody"},
		{"/agents/beta/hidden/", "/agents/nobody/hidden/"},
		{"/agents/beta/hidden/.well-known/agent-card.json", "/agents/beta/nobody/.well-known/agent-card.json"},
		{"/agents/beta/hidden/tasks", "/agents/beta/nobody/tasks"},
		{"/agents/beta/hidden/beta/tasks", "/agents/beta/nobody/beta/tasks"},
		{"/agents/beta/hidden/message:send", "/agents/beta/nobody/message:send"},
		{"/agents/beta/hidden/message:stream", "/agents/beta/nobody/message:stream"},
		{"/agents/beta/hidden/extendedAgentCard", "/agents/beta/nobody/extendedAgentCard"},
		{"/agents/beta/hidden/tasks/" + taskID, "/agents/beta/hidden/tasks/" + noTask},
		{"/agents/beta/hidden/tasks/" + taskID + ":cancel", "/agents/beta/nobody/tasks/" + taskID + ":cancel"},
		{"/agents/beta/hidden/tasks/" + taskID + ":subscribe", "/agents/beta/nobody/tasks/" + taskID + ":subscribe"},
		{"/agents/beta/hidden/tasks/" + taskID + "/pushNotificationConfigs", "/agents/beta/nobody/tasks/" + taskID + "/pushNotificationConfigs"},
		{"/agents/beta/hidden/tasks/" + taskID + "/pushNotificationConfigs/x", "/agents/beta/nobody/tasks/" + taskID + "/pushNotificationConfigs/x"},
		{"/api/v1/tenants/beta/agents", "/api/v1/tenants/nobody/agents"},
		{"/api/v1/tenants/beta/agents/hidden", "/api/v1/tenants/beta/agents/nobody"},
		{"/api/v1/tenants/beta/agents/hidden/versions", "/api/v1/tenants/nobody/agents/hidden/versions"},
		{"/api/v1/tenants/beta/agents/hidden/rollback", "/api/v1/tenants/nobody/agents/hidden/rollback"},
		{"/api/v1/tenants/beta/agents/hidden/card", "/api/v1/tenants/beta/agents/nobody/card"},
		{"/api/v1/tenants/beta/agents/hidden/tasks", "/api/v1/tenants/nobody/agents/hidden/tasks"},
		{"/api/v1/tenants/beta/agents/hidden/tasks/" + taskID, "/api/v1/tenants/beta/agents/hidden/tasks/" + noTask},
		{"/api/v1/tenants/beta/agents/hidden/tasks/" + taskID + "/cancel", "/api/v1/tenants/beta/agents/nobody/tasks/" + taskID + "/cancel"},
		{"/api/v1/tenants/beta/agents/hidden/tasks/" + taskID + "/log", "/api/v1/tenants/beta/agents/hidden/tasks/" + noTask + "/log"},
		{"/api/v1/tenants/beta/agents/hidden/tasks/" + taskID + "/webhooks", "/api/v1/tenants/beta/agents/hidden/tasks/" + noTask + "/webhooks"},
		{"/api/v1/tenants/beta/agents/hidden/contexts/" + contextID, "/api/v1/tenants/beta/agents/hidden/contexts/" + noTask},
		{"/api/v1/tenants/beta/keys", "/api/v1/tenants/nobody/keys"},
		{"/api/v1/tenants/beta/keys/" + keys[0].ID, "/api/v1/tenants/beta/keys/nokey"},
		// Its own agents, with another's ids.
		{"/api/v1/tenants/acme/agents/hidden/tasks/" + taskID, "/api/v1/tenants/acme/agents/hidden/tasks/" + noTask},
		{"/api/v1/tenants/acme/agents/hidden/tasks/" + taskID + "/cancel", "/api/v1/tenants/acme/agents/hidden/tasks/" + noTask + "/cancel"},
		{"/api/v1/tenants/acme/agents/hidden/tasks/" + taskID + "/log", "/api/v1/tenants/acme/agents/hidden/tasks/" + noTask + "/log"},
		{"/api/v1/tenants/acme/agents/hidden/tasks/" + taskID + "/webhooks", "/api/v1/tenants/acme/agents/hidden/tasks/" + noTask + "/webhooks"},
		{"/api/v1/tenants/acme/agents/hidden/contexts/" + contextID, "/api/v1/tenants/acme/agents/hidden/contexts/" + noTask},
		{"/api/v1/tenants/acme/keys/" + keys[0].ID, "/api/v1/tenants/acme/keys/nokey"},
	}
	for _, who := range [][]string{nil, {"token", "acme"}, {"Authorization", "Bearer ck_nosuchke_y"}} {
		for _, pair := range pairs {
			h.forgive()
			for _, method := range methods {
				headers := append([]string{"Content-Type", "application/json", "A2A-Version", "1.0"}, who...)
				theirs := h.do(method, pair[0], rpcBody("GetTask", `{"id":"`+taskID+`"}`), headers...)
				nobodys := h.do(method, pair[1], rpcBody("GetTask", `{"id":"`+taskID+`"}`), headers...)
				if got, want := seen(theirs), seen(nobodys); got != want {
					t.Errorf("%s %s as %v: got\n%s\nbut for %s\n%s", method, pair[0], who, got, pair[1], want)
				}
				if theirs.StatusCode < 400 && method != "OPTIONS" {
					t.Errorf("%s %s as %v: got %d", method, pair[0], who, theirs.StatusCode)
				}
			}
		}
	}
	for _, below := range []string{"", ":cancel", ":subscribe", "/pushNotificationConfigs", "/pushNotificationConfigs/x"} {
		for _, method := range methods {
			for _, body := range []string{"", `{"url":"https://hooks.example.com/"}`} {
				headers := []string{"token", "acme", "Content-Type", "application/json", "A2A-Version", "1.0", "Last-Event-ID", "1"}
				theirs := h.do(method, "/agents/acme/hidden/tasks/"+taskID+below, body, headers...)
				nobodys := h.do(method, "/agents/acme/hidden/tasks/"+noTask+below, body, headers...)
				if got, want := seen(theirs), seen(nobodys); got != want {
					t.Errorf("%s %s: got\n%s\nbut for no task\n%s", method, below, got, want)
				}
			}
		}
	}
	for _, method := range h.server.rpcMethodNames() {
		for _, params := range []string{`{"id":"%s"}`, `{"taskId":"%s","id":"x","url":"https://x"}`, `{"message":{"messageId":"m","taskId":"%s","role":"ROLE_USER","parts":[{"text":"hi"}]}}`} {
			theirs := h.rpc("/agents/acme/hidden", method, fmt.Sprintf(params, taskID), "token", "acme")
			nobodys := h.rpc("/agents/acme/hidden", method, fmt.Sprintf(params, noTask), "token", "acme")
			if got, want := seen(theirs), seen(nobodys); got != want {
				t.Errorf("%s %s: got\n%s\nbut for no task\n%s", method, params, got, want)
			}
		}
	}
	if r := h.rpc("/agents/beta/hidden", "GetTask", `{"id":"`+taskID+`"}`, "token", "beta"); !strings.Contains(r.body, "TASK_STATE_INPUT_REQUIRED") {
		t.Errorf("the task did not survive: %s", r.body)
	}
}

// forgive forgets the wrong keys that were shown.
func (h *house) forgive() {
	h.server.failures.mu.Lock()
	defer h.server.failures.mu.Unlock()
	clear(h.server.failures.counts)
}

// seen is all of a reply that could tell one case from the other.
func seen(r reply) string {
	r.Header.Del("Date")
	return fmt.Sprintf("%d %v\n%s", r.StatusCode, r.Header, r.body)
}

func TestAnonymousCallersOfAPublicAgentKnowTasksByTheirIdsOnly(t *testing.T) {
	t.Parallel()
	h := newHouse(t, workingWith(t, newScripted(), task.Options{Push: pushing}))
	send := `{"message":{"messageId":"m","role":"ROLE_USER","parts":[{"text":"echo hi"}]}}`
	var sent struct {
		Result struct {
			Task struct{ ID, ContextID string }
		}
	}
	h.rpc("/agents/acme/open", "SendMessage", send).decode(t, &sent)
	if r := h.rpc("/agents/acme/open", "GetTask", `{"id":"`+sent.Result.Task.ID+`"}`); r.code(t) != 0 {
		t.Errorf("get by id: got %s", r.body)
	}
	if r := h.rpc("/agents/acme/open", "ListTasks", `{"contextId":"`+sent.Result.Task.ContextID+`"}`); !strings.Contains(r.body, `"id":"`+sent.Result.Task.ID+`"`) {
		t.Errorf("list by context: got %d %s", r.StatusCode, r.body)
	}
	const none = `"result":{"tasks":[],"nextPageToken":"","pageSize":50,"totalSize":0}`
	if r := h.rpc("/agents/acme/open", "ListTasks", `{}`); !strings.Contains(r.body, none) {
		t.Errorf("list: got %d %s", r.StatusCode, r.body)
	}
	again := strings.Replace(send, `"role"`, `"contextId":"`+sent.Result.Task.ContextID+`","role"`, 1)
	if r := h.rpc("/agents/acme/open", "SendMessage", again); r.code(t) != 0 {
		t.Errorf("a second message in the context: got %s", r.body)
	}
	// A key of another tenant is no better than none, a wrong key is refused.
	if r := h.rpc("/agents/acme/open", "ListTasks", `{}`, "token", "beta"); !strings.Contains(r.body, none) {
		t.Errorf("list with another's key: got %d %s", r.StatusCode, r.body)
	}
	if r := h.rpc("/agents/acme/open", "SendMessage", send, "Authorization", "Bearer nonsense"); r.StatusCode != http.StatusUnauthorized {
		t.Errorf("a wrong key: got %d %s", r.StatusCode, r.body)
	}
	if r := h.rpc("/agents/acme/open", "ListTasks", `{}`, "token", "operator"); r.code(t) != 0 {
		t.Errorf("list as operator: got %s", r.body)
	}
}

func TestARevokedKeyOpensNothing(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	key, token, err := h.keys.Create(t.Context(), tenant.KeySpec{Tenant: "acme"})
	if err != nil {
		t.Fatal(err)
	}
	h.tokens["short"] = token
	if r := h.rpc("/agents/acme/hidden", "ListTasks", `{}`, "token", "short"); r.code(t) != 0 {
		t.Errorf("got %s", r.body)
	}
	if err := h.keys.Revoke(t.Context(), "acme", key.ID); err != nil {
		t.Fatal(err)
	}
	if r := h.rpc("/agents/acme/hidden", "ListTasks", `{}`, "token", "short"); r.StatusCode != http.StatusNotFound {
		t.Errorf("a private agent with a revoked key: got %d", r.StatusCode)
	}
	if r := h.rpc("/agents/acme/carded", "ListTasks", `{}`, "token", "short"); r.StatusCode != http.StatusUnauthorized {
		t.Errorf("a card-only agent with a revoked key: got %d", r.StatusCode)
	}
}

func TestWrongKeysAreCounted(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for i := range maxFailures {
		if r := h.rpc("/agents/acme/carded", "ListTasks", `{}`, "Authorization", "Bearer wrong"); r.StatusCode != http.StatusUnauthorized {
			t.Fatalf("wrong key %d: got %d", i, r.StatusCode)
		}
	}
	wrong := h.rpc("/agents/acme/carded", "ListTasks", `{}`, "Authorization", "Bearer wrong")
	refusedBusy(t, "one wrong key too many", wrong, "TOO_MANY_FAILURES")
	if r := h.rpc("/agents/acme/hidden", "ListTasks", `{}`, "Authorization", "Bearer wrong"); r.StatusCode != http.StatusNotFound {
		t.Errorf("a private agent: got %d, want what one without a key sees", r.StatusCode)
	}
	for _, path := range []string{"/agents/acme/carded", "/agents/acme/hidden"} {
		if r := h.rpc(path, "ListTasks", `{}`, "token", "acme"); r.code(t) != 0 {
			t.Errorf("%s: a right key got %d %s", path, r.StatusCode, r.body)
		}
	}
	if r := h.do("GET", "/agents/acme/carded/.well-known/agent-card.json", ""); r.StatusCode != http.StatusOK {
		t.Errorf("a card: got %d", r.StatusCode)
	}
}

func TestFailuresAreCountedByNetworkAndWindow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var f failures
		for _, step := range []struct {
			addr string
			wait time.Duration
			want int
		}{
			{"192.0.2.1", 0, 1},
			{"192.0.2.1", 0, 2},
			{"192.0.2.2", 0, 1},
			{"2001:db8::1", 0, 1},
			{"2001:db8::ffff:2", 0, 2},
			{"2001:db8:0:1::1", 0, 1},
			{"192.0.2.1", failureWindow - 1, 3},
			{"192.0.2.1", 1, 1},
		} {
			time.Sleep(step.wait)
			if got := f.add(netip.MustParseAddr(step.addr)); got != step.want {
				t.Errorf("%s after %v: got %d, want %d", step.addr, step.wait, got, step.want)
			}
		}
		for i := range 2 * maxAddresses {
			f.add(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}))
		}
		if len(f.counts) > maxAddresses {
			t.Errorf("%d networks are counted", len(f.counts))
		}
	})
}

// TestTheAddressOfAClientIsTheOneItsProxySaw sends what a client made up on the
// first line of the header, and what its proxy adds on a line of its own, as
// HAProxy does, or behind a comma.
func TestTheAddressOfAClientIsTheOneItsProxySaw(t *testing.T) {
	t.Parallel()
	for name, lines := range map[string][]string{
		"a line of its own": {"10.0.0.%d", "203.0.113.7"},
		"behind a comma":    {"10.0.0.%d, 203.0.113.7"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, func(_ *parts, o *Options) { o.TrustedProxies = []string{"127.0.0.0/8"} })
			status := 0
			for i := range maxFailures + 1 {
				headers := http.Header{"Authorization": {"Bearer wrong"}}
				for _, line := range lines {
					headers.Add("X-Forwarded-For", strings.ReplaceAll(line, "%d", fmt.Sprint(i%250)))
				}
				req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, h.url+"/agents/acme/carded", nil)
				if err != nil {
					t.Fatal(err)
				}
				req.Header = headers
				resp, err := h.client.Do(req)
				if err != nil {
					t.Fatal(err)
				}
				resp.Body.Close()
				status = resp.StatusCode
			}
			if status != http.StatusTooManyRequests {
				t.Errorf("after %d wrong keys: got %d", maxFailures, status)
			}
		})
	}
}
