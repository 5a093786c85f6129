package runtime

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"sync"
	"testing"
	"time"

	"github.com/carrelhq/carrel/abi"
	"github.com/carrelhq/carrel/host"
	"github.com/carrelhq/carrel/storage"
)

func newEngine(t testing.TB, opts Options) *Engine {
	t.Helper()
	e, err := NewEngine(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

// fakeTasks is a task that takes everything and keeps the lines of its log.
type fakeTasks struct {
	mu    sync.Mutex
	lines []string
	task  func() (json.RawMessage, error) // what task_get answers
	lost  error                           // what Update fails with
}

func (f *fakeTasks) Update(_ context.Context, fn func(storage.Tx) error) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.lost != nil {
		return f.lost
	}
	return fn(nil)
}

func (f *fakeTasks) Line(level, message string) host.Effect {
	return host.Effect{Size: len(message), Apply: func(storage.Tx) error {
		f.lines = append(f.lines, level+" "+message)
		return nil
	}}
}

func (*fakeTasks) Status(context.Context, abi.TaskStatusRequest) (host.Effect, error) {
	return host.Effect{Apply: func(storage.Tx) error { return nil }}, nil
}

func (*fakeTasks) Artifact(context.Context, abi.TaskArtifactRequest) (host.Effect, error) {
	return host.Effect{Apply: func(storage.Tx) error { return nil }}, nil
}

func (f *fakeTasks) Task(context.Context) (json.RawMessage, error) {
	if f.task != nil {
		return f.task()
	}
	return json.RawMessage(`{"id":"task"}`), nil
}

func (*fakeTasks) LoadContext(context.Context) ([]byte, uint64, error) { return nil, 0, nil }

func (*fakeTasks) SaveContext(context.Context, []byte, uint64) (uint64, error) { return 1, nil }

func (*fakeTasks) History(context.Context, int) ([]json.RawMessage, error) { return nil, nil }

func (*fakeTasks) ReadBlob(_ context.Context, _ string, _ int64, length int) ([]byte, int64, error) {
	return nil, int64(length), nil
}

// load makes a module ready for the length of the test.
func load(t testing.TB, e *Engine, module []byte) *Module {
	t.Helper()
	sum := sha256.Sum256(module)
	m, err := e.Load(t.Context(), "tenant", hex.EncodeToString(sum[:]), func(context.Context) ([]byte, error) { return module, nil })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Release)
	return m
}

// runGuest runs a module once, and returns its reply and the lines it wrote.
func runGuest(ctx context.Context, t testing.TB, m *Module, request string, tasks *fakeTasks) (string, error) {
	t.Helper()
	sandbox, err := m.Sandbox(ctx, "tenant")
	if err != nil {
		return "", err
	}
	defer sandbox.Release()
	session := host.NewSession(ctx, tasks, host.Options{})
	reply, err := sandbox.Run(ctx, []byte(request), session)
	_ = session.End() // a test that is about its error looks at it itself
	return string(reply), err
}

// soon is a context that ends within moments, with a cause of its own.
func soon(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeoutCause(t.Context(), 50*time.Millisecond, errSoon)
	t.Cleanup(cancel)
	return ctx
}
