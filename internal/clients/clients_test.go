package clients

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// bindings are the names that cards give them.
var bindings = []string{"JSONRPC", "HTTP+JSON", "GRPC"}

// driveTime bounds what one client needs for all that it does.
const driveTime = 2 * time.Minute

// TestPython drives the server with a2a-sdk of PyPI.
func TestPython(t *testing.T) {
	t.Parallel()
	python := pythonWith(t, "python/requirements.txt")
	drive(t, func(args ...string) *exec.Cmd {
		return exec.Command(python, append([]string{"python/drive.py"}, args...)...)
	})
}

// TestJavaScript drives the server with @a2a-js/sdk of npm.
func TestJavaScript(t *testing.T) {
	t.Parallel()
	dir := npmInstalled(t, "javascript")
	drive(t, func(args ...string) *exec.Cmd {
		cmd := exec.Command("node", append([]string{"drive.mjs"}, args...)...)
		cmd.Dir = dir
		return cmd
	})
}

// drive runs a client over each binding.
func drive(t *testing.T, command func(args ...string) *exec.Cmd) {
	t.Helper()
	s := startServer(t)
	for _, binding := range bindings {
		t.Run(binding, func(t *testing.T) {
			hook := newReceiver(t)
			output := within(t, driveTime, command(binding, s.base, s.key, hook.URL))
			if n := strings.Count(output, "ok "); n < 15 {
				t.Errorf("it did %d things only:\n%s", n, output)
			}
			hook.wait(t)
		})
	}
}

// within runs a command, which must end well in time, and returns its output.
func within(t *testing.T, most time.Duration, cmd *exec.Cmd) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), most)
	defer cancel()
	defer context.AfterFunc(ctx, func() {
		if cmd.Process != nil {
			_ = cmd.Process.Kill()
		}
	})()
	output, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", cmd, err, output)
	}
	return string(output)
}

// receiver is a webhook that waits for the end of a task.
type receiver struct {
	*httptest.Server
	events   atomic.Int64
	canceled chan struct{}
}

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{canceled: make(chan struct{}, 16)}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(io.LimitReader(req.Body, 1<<20))
		if err != nil || req.Header.Get("X-A2A-Notification-Token") != "t" {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		r.events.Add(1)
		if strings.Contains(string(body), "TASK_STATE_CANCELED") {
			r.canceled <- struct{}{}
		}
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) wait(t *testing.T) {
	t.Helper()
	select {
	case <-r.canceled:
	case <-time.After(time.Minute):
		t.Errorf("the webhook was not told of the end; it got %d events", r.events.Load())
	}
}
