package server

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"
	"golang.org/x/net/http2"
	"google.golang.org/grpc/connectivity"

	"github.com/carrelhq/carrel/agent"
	"github.com/carrelhq/carrel/task"
	"github.com/carrelhq/carrel/tenant"
)

func TestIDsOfAnyLengthAreLookedUp(t *testing.T) {
	t.Parallel()
	w := newScripted()
	b := &bench{newGRPCHouse(t, workingWith(t, w, task.Options{Push: pushing})), w}
	there := b.send("carded", "ask").Id
	for _, n := range []int{task.MaxID + 1, 5000} { // more than a key of the store has room for
		long := strings.Repeat("x", n)
		for _, test := range []struct {
			ask  asked
			want string
		}{
			{get(long, nil), "TASK_NOT_FOUND"},
			{cancel(long), "TASK_NOT_FOUND"},
			{subscribe(long), "TASK_NOT_FOUND"},
			{say("x", toTask(long)), "TASK_NOT_FOUND"},
			{say("x", func(r *a2apb.SendMessageRequest) { r.Message.ReferenceTaskIds = []string{long} }), "TASK_NOT_FOUND"},
			{hook(long, hookURL), "TASK_NOT_FOUND"},
			{asked{method: "GetTaskPushNotificationConfig", req: &a2apb.GetTaskPushNotificationConfigRequest{TaskId: there, Id: long}}, "TASK_NOT_FOUND"},
			{asked{method: "ListTaskPushNotificationConfigs", req: &a2apb.ListTaskPushNotificationConfigsRequest{TaskId: long}}, "TASK_NOT_FOUND"},
			{asked{method: "DeleteTaskPushNotificationConfig", req: &a2apb.DeleteTaskPushNotificationConfigRequest{TaskId: long, Id: "x"}}, "TASK_NOT_FOUND"},
			{asked{method: "DeleteTaskPushNotificationConfig", req: &a2apb.DeleteTaskPushNotificationConfigRequest{TaskId: there, Id: long}}, ""},
			{list(&a2apb.ListTasksRequest{PageToken: long}), "INVALID_PARAMS"},
			{asked{method: "ListTaskPushNotificationConfigs", req: &a2apb.ListTaskPushNotificationConfigsRequest{TaskId: there, PageToken: long}}, "INVALID_PARAMS"},
		} {
			for _, d := range drivers {
				if got := d.ask(b.grpcHouse, test.ask.complete()); got.reason != test.want {
					t.Errorf("%s over %s with %d bytes: got %.200s, want %q", test.ask.method, d.name, n, got, test.want)
				}
			}
		}
	}
	for _, path := range []string{"tasks/%s", "contexts/%s"} {
		path = fmt.Sprintf("/api/v1/tenants/acme/agents/carded/"+path, strings.Repeat("x", 5000))
		if r := b.do("DELETE", path, "", "token", "acme"); r.StatusCode != http.StatusNotFound {
			t.Errorf("DELETE %.60s: got %d %s", path, r.StatusCode, r.body)
		}
	}
}

func TestUploadsAreBounded(t *testing.T) {
	t.Parallel()
	const most = 1000
	h := newHouse(t, func(p *parts, o *Options) {
		own := p.agents.(*testAgents)
		small, err := agent.NewRegistry(own.root, fakeInspector{}, agent.Options{MaxModule: most})
		if err != nil {
			t.Fatal(err)
		}
		p.agents, o.MaxModule = &testAgents{small, own.root}, most
	})
	for n, want := range map[int]int{most: http.StatusOK, most + 1: http.StatusRequestEntityTooLarge, 4 << 20: http.StatusRequestEntityTooLarge} {
		for name, body := range map[string]io.Reader{
			"announced": strings.NewReader("\x00asm" + strings.Repeat("x", n-4)),
			"chunked":   io.MultiReader(strings.NewReader("\x00asm" + strings.Repeat("x", n-4))),
		} {
			resp := h.open("PUT", "/api/v1/tenants/acme/agents/large", body, "token", "acme", "Content-Type", typeWasm)
			resp.Body.Close()
			if resp.StatusCode != want {
				t.Errorf("%d bytes, %s: got %d, want %d", n, name, resp.StatusCode, want)
			}
		}
	}
}

func TestTooManyKeysAreRefused(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	create := func() reply {
		return h.do("POST", "/api/v1/tenants/acme/keys", `{}`, "token", "acme", "Content-Type", "application/json")
	}
	for range tenant.MaxKeys - 2 { // it has one, and gets another
		h.newKey(tenant.KeySpec{Tenant: "acme"})
	}
	if r := create(); r.StatusCode != http.StatusCreated {
		t.Errorf("the last one: got %d %s", r.StatusCode, r.body)
	}
	if r := create(); r.StatusCode != http.StatusBadRequest || !strings.Contains(r.body, "revoke some") {
		t.Errorf("one more: got %d %s", r.StatusCode, r.body)
	}
}

func TestABlockingCallWaitsForItsTime(t *testing.T) {
	t.Parallel()
	w := newScripted()
	g := newGRPCHouse(t, working(t, w), func(_ *parts, o *Options) { o.BlockingTimeout = 30 * time.Millisecond })
	for _, d := range drivers {
		began := time.Now()
		got := d.ask(g, say("hold").complete())
		if len(got.results) != 1 || time.Since(began) < 30*time.Millisecond {
			t.Fatalf("%s: got %s after %v", d.name, got, time.Since(began))
		}
		if state := got.results[0].(*a2apb.SendMessageResponse).GetTask().GetStatus().GetState(); task.Terminal(state) || state == 0 {
			t.Errorf("%s: the task is %v", d.name, state)
		}
	}
}

func TestIdleConnectionsAreClosed(t *testing.T) {
	t.Parallel()
	g := newGRPCHouse(t, func(_ *parts, o *Options) { o.timing.idle = 20 * time.Millisecond })
	_, r := g.dial("GET /healthz HTTP/1.1\nHost: x\n\n")
	g.answer(r)
	if rest, err := io.ReadAll(r); err != nil || len(rest) > 0 {
		t.Errorf("HTTP: got %q, %v; want the connection closed", rest, err)
	}
	g.conn.Connect()
	for state := g.conn.GetState(); state != connectivity.Ready; state = g.conn.GetState() {
		if !g.conn.WaitForStateChange(t.Context(), state) {
			t.Fatal("gRPC: no connection")
		}
	}
	if !g.conn.WaitForStateChange(t.Context(), connectivity.Ready) {
		t.Error("gRPC: the connection was kept")
	}
}

func TestGRPCConnectionsAreLimitedInNumber(t *testing.T) {
	t.Parallel()
	g := newGRPCHouse(t, func(_ *parts, o *Options) { o.MaxConns = 1 })
	first, err := g.http2()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := first.ReadFrame(); err != nil {
		t.Errorf("the first: %v", err)
	}
	second, err := g.http2()
	if err == nil {
		_, err = second.ReadFrame()
	}
	if err == nil {
		t.Error("the second was served")
	}
}

// http2 connects by hand, and returns the frames of the connection.
func (g *grpcHouse) http2() (*http2.Framer, error) {
	c, err := net.Dial("tcp", g.addr)
	if err != nil {
		return nil, err
	}
	g.t.Cleanup(func() { c.Close() })
	if _, err := io.WriteString(c, http2.ClientPreface); err != nil {
		return nil, err
	}
	f := http2.NewFramer(c, c)
	if err := f.WriteSettings(); err != nil {
		return nil, err
	}
	return f, nil
}

// TestWhatGRPCConnectionsAreTold speaks HTTP/2 by hand: a client of gRPC heeds
// what it is told.
func TestWhatGRPCConnectionsAreTold(t *testing.T) {
	t.Parallel()
	f, err := newGRPCHouse(t).http2()
	if err != nil {
		t.Fatal(err)
	}
	for range 4 {
		if err := f.WritePing(false, [8]byte{}); err != nil {
			t.Fatal(err)
		}
	}
	for told := map[http2.SettingID]uint32{}; ; {
		frame, err := f.ReadFrame()
		if err != nil {
			t.Fatal(err)
		}
		switch frame := frame.(type) {
		case *http2.SettingsFrame:
			frame.ForeachSetting(func(s http2.Setting) error { told[s.ID] = s.Val; return nil })
		case *http2.GoAwayFrame:
			if frame.ErrCode != http2.ErrCodeEnhanceYourCalm || told[http2.SettingMaxConcurrentStreams] != maxGRPCStreams || told[http2.SettingMaxHeaderListSize] != maxHeader {
				t.Errorf("got %v after settings %v", frame.ErrCode, told)
			}
			return
		}
	}
}
