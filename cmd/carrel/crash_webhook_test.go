package main

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// crashWebhook is the webhook of all tasks of the crash run. It holds carrel to
// this: events come at least once and in order. After a kill some come again,
// none is left out.
type crashWebhook struct {
	*httptest.Server
	t *testing.T

	mu       sync.Mutex
	cond     *sync.Cond
	last     map[string]uint64 // by task, the highest event that came
	repeated int
}

func newCrashWebhook(t *testing.T) *crashWebhook {
	w := &crashWebhook{t: t, last: make(map[string]uint64)}
	w.cond = sync.NewCond(&w.mu)
	w.Server = httptest.NewServer(w)
	t.Cleanup(w.Close)
	return w
}

// ServeHTTP takes an event; its webhook-id is the task's id and the event's number.
func (w *crashWebhook) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	if _, err := io.ReadAll(r.Body); err != nil {
		return // the server was killed while it sent
	}
	id := r.Header.Get("Webhook-Id")
	at := strings.LastIndexByte(id, '-')
	seq, err := strconv.ParseUint(id[at+1:], 10, 64)
	if at < 0 || err != nil {
		w.t.Errorf("webhook-id %q", id)
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	switch last := w.last[id[:at]]; {
	case seq > last+1:
		w.t.Errorf("webhook of task %s: event %d after %d", id[:at], seq, last)
	case seq <= last:
		w.repeated++
		return
	}
	w.last[id[:at]] = seq
	w.cond.Broadcast()
}

// waitFor waits until the event of the task has come.
func (w *crashWebhook) waitFor(ctx context.Context, task string, seq uint64) {
	defer context.AfterFunc(ctx, w.cond.Broadcast)()
	w.mu.Lock()
	defer w.mu.Unlock()
	for w.last[task] < seq && ctx.Err() == nil {
		w.cond.Wait()
	}
}

func (w *crashWebhook) repeats() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.repeated
}
