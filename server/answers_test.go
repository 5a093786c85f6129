package server

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"
)

// lentNow is how much of the quota of answers is lent.
func (s *Server) lentNow() int64 {
	s.answers.mu.Lock()
	defer s.answers.mu.Unlock()
	return s.answers.held
}

// wantAllBack waits until nothing of the quota is lent.
func (h *house) wantAllBack(after string) {
	h.t.Helper()
	if !drained(10*time.Second, func() bool { return h.server.lentNow() == 0 }) {
		h.t.Errorf("after %s: %d bytes are lent still", after, h.server.lentNow())
	}
}

// sendText sends a text and returns the id of its task.
func (h *house) sendText(path, text, token string) string {
	h.t.Helper()
	var sent struct {
		Result struct{ Task struct{ ID string } }
	}
	params := fmt.Sprintf(`{"message":{"messageId":"m","role":"ROLE_USER","parts":[{"text":%q}]}}`, text)
	r := h.rpc(path, "SendMessage", params, "token", token)
	if err := json.Unmarshal([]byte(r.body), &sent); err != nil || sent.Result.Task.ID == "" {
		h.t.Fatalf("got %d %.300s, %v", r.StatusCode, r.body, err)
	}
	return sent.Result.Task.ID
}

func TestLargeAnswersAreSharedAmongCallers(t *testing.T) {
	t.Parallel()
	const part = 128 << 10
	g := newGRPCHouse(t, working(t, newScripted()), func(_ *parts, o *Options) { o.maxAnswers = 8 * part })
	const path = "/agents/acme/carded"
	id, other := g.sendText(path, "large 2", "acme"), g.sendText("/agents/beta/carded", "large 2", "beta")
	small := g.sendText(path, "echo hi", "acme")
	get := func(id string) string { return `{"id":"` + id + `"}` }
	ask := func(d int, method string, req *a2apb.GetTaskRequest) outcome {
		return drivers[d].ask(g, asked{method: method, req: req, agent: "acme/carded", who: "acme", version: "1.0"})
	}
	for i, d := range drivers {
		if o := ask(i, "GetTask", &a2apb.GetTaskRequest{Tenant: "acme/carded", Id: id}); len(o.results) != 1 {
			t.Errorf("%s: got %.300s", d.name, o)
		}
		g.wantAllBack(d.name)
	}
	acme := party{tenant: "acme"}
	if !g.server.answers.take(acme, 6*part) {
		t.Fatal("not taken")
	}
	for i, d := range drivers {
		if o := ask(i, "GetTask", &a2apb.GetTaskRequest{Tenant: "acme/carded", Id: id}); o.reason != "TOO_MANY_ANSWERS" || o.status != "RESOURCE_EXHAUSTED" && o.http != http.StatusTooManyRequests {
			t.Errorf("%s: a tenant that has its part: got %.300s", d.name, o)
		}
	}
	refusedBusy(t, "a stream", g.rpc(path, "SubscribeToTask", get(id), "token", "acme"), "TOO_MANY_ANSWERS")
	refusedBusy(t, "a message", g.rpc(path, "SendMessage", `{"message":{"messageId":"m","taskId":"`+id+`","role":"ROLE_USER","parts":[{"text":"ask"}]}}`, "token", "acme"), "the message was accepted, and its task is "+id)
	if r := g.do("GET", "/api/v1/tenants/acme/agents/carded/tasks/"+id, "", "token", "acme"); r.StatusCode != http.StatusTooManyRequests {
		t.Errorf("the admin API: got %d %.300s", r.StatusCode, r.body)
	}
	if r := g.rpc(path, "GetTask", `{"id":"`+id+`","historyLength":0}`, "token", "acme"); r.StatusCode != http.StatusTooManyRequests {
		t.Errorf("its artifacts without its history: got %d", r.StatusCode)
	}
	refusedBusy(t, "a page", g.rpc(path, "ListTasks", `{}`, "token", "acme"), "TOO_MANY_ANSWERS")
	if r := g.rpc(path, "ListTasks", `{"historyLength":0}`, "token", "acme"); r.code(t) != 0 {
		t.Errorf("a page without histories: got %d %.300s", r.StatusCode, r.body)
	}
	if r := g.rpc(path, "GetTask", get(small), "token", "acme"); r.code(t) != 0 {
		t.Errorf("a small one: got %s", r.body)
	}
	if r := g.rpc("/agents/beta/carded", "GetTask", get(other), "token", "beta"); r.code(t) != 0 {
		t.Errorf("another tenant: got %.300s", r.body)
	}
	if r := g.rpc(path, "CancelTask", get(id), "token", "acme"); r.code(t) != 0 || !strings.Contains(r.body, "TASK_STATE_CANCELED") || len(r.body) > 1000 {
		t.Errorf("canceling: got %.300s", r.body)
	}
	g.server.answers.give(acme, 6*part)
	g.wantAllBack("all that was refused")
	if r := g.do("GET", "/api/v1/tenants/acme/agents/carded/tasks/"+id, "", "token", "acme"); r.StatusCode != http.StatusOK || len(r.body) < 512<<10 {
		t.Errorf("the admin API: got %d %.300s", r.StatusCode, r.body)
	}
	g.wantAllBack("the admin API")
	again := g.sendText(path, "large 2", "acme")
	stream := g.open("POST", path, strings.NewReader(rpcBody("SubscribeToTask", get(again))), "token", "acme", "A2A-Version", "1.0", "Content-Type", typeJSON)
	defer stream.Body.Close()
	if n, err := io.CopyN(io.Discard, stream.Body, 512<<10); err != nil {
		t.Errorf("a stream of %d bytes: %v", n, err)
	}
	g.rpc(path, "CancelTask", get(again), "token", "acme")
	if rest, err := io.ReadAll(stream.Body); err != nil || !strings.Contains(string(rest), "TASK_STATE_CANCELED") {
		t.Errorf("got %.300s, %v", rest, err)
	}
	g.wantAllBack("a stream")
}

func TestALargeAnswerHoldsItsRoomUntilItIsRead(t *testing.T) {
	t.Parallel()
	h := newHouse(t, working(t, newScripted()))
	id := h.sendText("/agents/acme/carded", "large 80", "acme")
	h.wantAllBack("the message")
	for _, method := range []string{"GetTask", "SubscribeToTask"} {
		conn, err := net.Dial("tcp", strings.TrimPrefix(h.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if err := conn.(*net.TCPConn).SetReadBuffer(256 << 10); err != nil {
			t.Fatal(err)
		}
		body := rpcBody(method, `{"id":"`+id+`"}`)
		fmt.Fprintf(conn, "POST /agents/acme/carded HTTP/1.1\r\nHost: localhost\r\nA2A-Version: 1.0\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", h.tokens["acme"], len(body), body)
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Fatal(resp, err)
		}
		if h.server.lentNow() == 0 {
			t.Errorf("%s: nothing is lent for 20 MiB that are on their way", method)
		}
		if method == "GetTask" {
			n, err := io.Copy(io.Discard, resp.Body)
			if err != nil || n < 20<<20 {
				t.Errorf("got %d bytes, %v", n, err)
			}
		}
		conn.Close()
		h.wantAllBack(method)
	}
}
