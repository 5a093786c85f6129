package server

import (
	"context"
	"io"
	"iter"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"

	"github.com/carrelhq/carrel/task"
)

// faulty has tasks whose events and lines cannot be read without a panic.
type faulty struct{ noTasks }

func (faulty) Get(context.Context, task.Ref, string, *int32) (*a2apb.Task, error) {
	return &a2apb.Task{}, nil
}

func (faulty) Position(context.Context, task.Ref, string) (uint64, a2apb.TaskState, error) {
	return 1, a2apb.TaskState_TASK_STATE_WORKING, nil
}

func (faulty) Snapshot(context.Context, task.Ref, string) (*a2apb.Task, uint64, error) {
	return &a2apb.Task{Status: &a2apb.TaskStatus{State: a2apb.TaskState_TASK_STATE_WORKING}}, 1, nil
}

func (faulty) Cursor(task.Ref, string, uint64) *task.Cursor { panic("secret") }

func (faulty) Lines(context.Context, task.Ref, string, uint64, bool) iter.Seq2[task.LogLine, error] {
	return func(func(task.LogLine, error) bool) { panic("secret") }
}

// panics counts those that are logged.
type panics struct {
	slog.Handler
	seen *atomic.Int64
}

func (p panics) Handle(ctx context.Context, r slog.Record) error {
	if r.Message == "handler panicked" {
		p.seen.Add(1)
	}
	return p.Handler.Handle(ctx, r)
}

func TestAPanicInAStreamEndsTheStreamOnly(t *testing.T) {
	t.Parallel()
	log := panics{slog.NewTextHandler(t.Output(), nil), new(atomic.Int64)}
	h := newHouse(t, func(p *parts, o *Options) {
		p.tasks, p.events = faulty{}, faulty{}
		o.Logger = slog.New(log)
		o.Backup = func(_ context.Context, w interface{ Write([]byte) (int, error) }) error {
			w.Write([]byte("half of it"))
			panic("secret")
		}
	})
	for name, test := range map[string]struct{ method, path, body, who string }{
		"events":   {"POST", "/agents/acme/carded", rpcBody("SubscribeToTask", `{"id":"x"}`), "acme"},
		"lines":    {"GET", "/api/v1/tenants/acme/agents/carded/tasks/x/log?follow=true", "", "acme"},
		"a backup": {"GET", "/api/v1/backup", "", "operator"},
	} {
		resp := h.open(test.method, test.path, strings.NewReader(test.body), "Content-Type", "application/json", "A2A-Version", "1.0", "token", test.who)
		data, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != http.StatusOK || err == nil || strings.Contains(string(data), "secret") {
			t.Errorf("%s: got %d %q, %v", name, resp.StatusCode, data, err)
		}
	}
	if !drained(time.Minute, func() bool { return h.server.streams.open() == 0 }) {
		t.Error("a place is not given back")
	}
	if got := log.seen.Load(); got != 3 {
		t.Errorf("%d panics are in the log", got)
	}
}
