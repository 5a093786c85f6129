package push_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/netip"
	"sync"
	"testing"
	"time"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"

	"github.com/carrelhq/carrel/abi"
	"github.com/carrelhq/carrel/agent"
	"github.com/carrelhq/carrel/broker"
	"github.com/carrelhq/carrel/internal/egress"
	"github.com/carrelhq/carrel/internal/seal"
	"github.com/carrelhq/carrel/storage"
	"github.com/carrelhq/carrel/task"
	"github.com/carrelhq/carrel/task/push"
)

var bot = task.Ref{Tenant: "acme", Agent: "bot"}

// house is one process on a store: a manager, and a pusher while it runs.
type house struct {
	*task.Manager
	t      testing.TB
	broker broker.Broker
	guard  *egress.Guard
}

func newHouse(t testing.TB, db storage.DB) *house {
	t.Helper()
	agents, err := agent.NewRegistry(db, nil, agent.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := agents.Declare(t.Context(), bot.Tenant, bot.Agent, abi.Description{}, agent.PushOptions{}); err != nil {
		t.Fatal(err)
	}
	key, err := seal.New(bytes.Repeat([]byte{7}, seal.KeySize), "webhooks")
	if err != nil {
		t.Fatal(err)
	}
	check := func(url string) error {
		_, err := egress.CheckURL(url)
		return err
	}
	b := broker.New()
	m, err := task.NewManager(db, b, agents, task.Options{Push: &task.PushOptions{Secrets: key, CheckURL: check}, MaxQueued: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	loopback := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}
	return &house{m, t, b, egress.New(egress.Options{Allow: loopback})}
}

// start runs a pusher until stop is called, or the test ends.
func (h *house) start(opts push.Options) (stop func()) {
	h.t.Helper()
	return h.run(h.pusher(opts))
}

// startWith is start with webhooks that take all that they are sent, without a network.
func (h *house) startWith(opts push.Options, took func(*http.Request)) (stop func()) {
	h.t.Helper()
	p := h.pusher(opts)
	p.Reach(taker(took))
	return h.run(p)
}

type taker func(*http.Request)

// RoundTrip implements http.RoundTripper.
func (t taker) RoundTrip(req *http.Request) (*http.Response, error) {
	t(req)
	return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody, Request: req}, nil
}

func (h *house) pusher(opts push.Options) *push.Pusher {
	h.t.Helper()
	p, err := push.New(h.Manager, h.guard, opts)
	if err != nil {
		h.t.Fatal(err)
	}
	return p
}

func (h *house) run(p *push.Pusher) (stop func()) {
	h.t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(h.t.Context()))
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			h.t.Error(err)
		}
	})
	h.t.Cleanup(stop)
	return stop
}

// send begins a task with a webhook.
func (h *house) send(config *a2apb.TaskPushNotificationConfig) string {
	h.t.Helper()
	accepted, err := h.Send(h.t.Context(), bot, &a2apb.SendMessageRequest{
		Message:       &a2apb.Message{MessageId: "m", Role: a2apb.Role_ROLE_USER, Parts: []*a2apb.Part{part("x")}},
		Configuration: &a2apb.SendMessageConfiguration{TaskPushNotificationConfig: config},
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return accepted.TaskID
}

func part(text string) *a2apb.Part { return &a2apb.Part{Content: &a2apb.Part_Text{Text: text}} }

// claim takes a run of the task, which the caller finishes.
func (h *house) claim(id string) *task.Run {
	h.t.Helper()
	run, err := h.Claim(h.t.Context(), broker.Job{Tenant: bot.Tenant, TaskID: id})
	if err != nil || run == nil {
		h.t.Fatalf("claim: %v, %v", run, err)
	}
	return run
}

func (h *house) chunk(run *task.Run, text string) {
	h.t.Helper()
	err := run.Artifact(h.t.Context(), &a2apb.TaskArtifactUpdateEvent{Artifact: &a2apb.Artifact{ArtifactId: "a", Parts: []*a2apb.Part{part(text)}}, Append: true})
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) finish(run *task.Run) {
	h.t.Helper()
	if err := h.Finish(h.t.Context(), run, task.Result{}); err != nil {
		h.t.Fatal(err)
	}
}

// health waits until the task's one webhook is as it should be.
func (h *house) health(id string, good func(task.PushHealth) bool) task.PushHealth {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(h.t.Context(), time.Minute)
	defer cancel()
	for {
		list, err := h.PushHealth(ctx, bot, id)
		if err != nil || len(list) != 1 {
			h.t.Fatalf("health: %v, %v", list, err)
		}
		if good(list[0]) {
			return list[0]
		}
		select {
		case <-time.After(5 * time.Millisecond):
		case <-ctx.Done():
			h.t.Fatalf("health stays %+v", list[0])
		}
	}
}

func idle(h task.PushHealth) bool  { return h.State == "idle" }
func dead(h task.PushHealth) bool  { return h.State == "dead" }
func tried(h task.PushHealth) bool { return h.Attempts > 0 }

var errBroken = errors.New("broken")
