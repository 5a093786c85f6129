package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

// hooks are the webhooks' own servers, on loopback: each webhook has an address of
// its own, as it would have a host.
type hooks struct {
	live, stuck, failing *http.Server
	ports                map[*http.Server]int
	closed               int           // a port where nobody listens
	end                  chan struct{} // frees those that never answer

	mu    sync.Mutex
	seen  map[string]bool // hosts that have had their event: it may come again
	late  []time.Duration
	first error
	told  chan struct{} // gets one for each event of the measurement
}

func newHooks() (*hooks, error) {
	h := &hooks{ports: make(map[*http.Server]int), seen: make(map[string]bool), end: make(chan struct{}), told: make(chan struct{}, liveWebhooks)}
	h.live = &http.Server{Handler: http.HandlerFunc(h.take)}
	h.stuck = &http.Server{Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-h.end })}
	h.failing = &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) })}
	for _, s := range []*http.Server{h.live, h.stuck, h.failing} {
		l, err := net.Listen("tcp", ":0") // all of 127.0.0.0/8
		if err != nil {
			return nil, err
		}
		h.ports[s] = l.Addr().(*net.TCPAddr).Port
		go s.Serve(l)
	}
	var err error
	h.closed, err = freePort()
	return h, err
}

func (h *hooks) close() {
	close(h.end)
	for s := range h.ports {
		s.Close()
	}
}

// address is that of webhook i. The last one of each task is dead.
func (h *hooks) address(i int) string {
	port := h.ports[h.live]
	if i%webhooksEach == webhooksEach-1 {
		port = []int{h.closed, h.ports[h.stuck], h.ports[h.failing]}[i/webhooksEach%3]
	}
	return fmt.Sprintf("http://127.1.%d.%d:%d/", i/250, i%250+1, port)
}

// take notes how late a chunk is, which says when it was due. Other events are none
// of the measurement, but have to be answered.
func (h *hooks) take(_ http.ResponseWriter, r *http.Request) {
	came := time.Now()
	body, err := io.ReadAll(r.Body)
	if err == nil && !bytes.Contains(body, []byte(`"artifactUpdate"`)) {
		return
	}
	var due time.Time
	if err == nil {
		due, err = chunkTime(`{"result":` + string(body) + `}`)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.seen[r.Host] {
		return
	}
	h.seen[r.Host] = true
	h.late = append(h.late, came.Sub(due))
	if h.first == nil {
		h.first = err
	}
	h.told <- struct{}{}
}

// wait waits until n webhooks have had their event, and returns how late.
func (h *hooks) wait(ctx context.Context, n int) ([]time.Duration, error) {
	for i := range n {
		select {
		case <-h.told:
		case <-ctx.Done():
			return nil, fmt.Errorf("%d of %d webhooks were told: %w", i, n, context.Cause(ctx))
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.late, h.first
}
