package runtime

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carrelhq/carrel/abi"
	"github.com/carrelhq/carrel/host"
)

func sourceOf(module []byte) source {
	return func(context.Context) ([]byte, error) { return module, nil }
}

func TestConcurrentLoadsOfOneDigestShareTheWork(t *testing.T) {
	t.Parallel()
	e := newEngine(t, Options{})
	module := newReplier("shared").bytes()
	var asked atomic.Int32
	source := func(context.Context) ([]byte, error) {
		asked.Add(1)
		return module, nil
	}
	var wg sync.WaitGroup
	for range 32 {
		wg.Go(func() {
			m, err := e.Load(t.Context(), "tenant", "one", source)
			if err != nil {
				t.Error(err)
				return
			}
			defer m.Release()
			if reply, err := runGuest(t.Context(), t, m, "{}", &fakeTasks{}); reply != "shared" {
				t.Errorf("got %q, %v", reply, err)
			}
		})
	}
	wg.Wait()
	if asked.Load() != 1 {
		t.Errorf("the source was asked %d times", asked.Load())
	}
}

func TestALoadGoesOnWhenTheCallerThatBeganItLeaves(t *testing.T) {
	t.Parallel()
	e := newEngine(t, Options{})
	gate := make(chan struct{})
	source := func(ctx context.Context) ([]byte, error) {
		select {
		case <-gate:
			return newReplier("kept").bytes(), nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	gone := errors.New("gone")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(gone)
	if _, err := e.Load(ctx, "tenant", "one", source); !errors.Is(err, gone) {
		t.Errorf("the first caller: got %v, want its cause", err)
	}
	close(gate)
	m, err := e.Load(t.Context(), "tenant", "one", func(context.Context) ([]byte, error) { return nil, errors.New("asked again") })
	if err != nil {
		t.Fatal(err)
	}
	m.Release()
}

func TestALoadThatFailedIsTriedAgain(t *testing.T) {
	t.Parallel()
	e := newEngine(t, Options{})
	broken := errors.New("disk on fire")
	for name, c := range map[string]struct {
		source source
		want   error
	}{
		"the source fails":  {func(context.Context) ([]byte, error) { return nil, broken }, broken},
		"the source panics": {func(context.Context) ([]byte, error) { panic("oh") }, errPanicked},
	} {
		if _, err := e.Load(t.Context(), "tenant", name, c.source); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", name, err, c.want)
		}
		m, err := e.Load(t.Context(), "tenant", name, sourceOf(newReplier("x").bytes()))
		if err != nil {
			t.Errorf("%s, the second time: %v", name, err)
			continue
		}
		m.Release()
	}
	refusal := &abi.Refusal{}
	if _, err := e.Load(t.Context(), "tenant", "bad", sourceOf([]byte("text"))); !errors.As(err, &refusal) {
		t.Errorf("a module that breaks the rules: got %v", err)
	}
}

func TestTheLeastUsedModulesAreForgotten(t *testing.T) {
	t.Parallel()
	e := newEngine(t, Options{MaxModules: 2})
	held, err := e.Load(t.Context(), "tenant", "held", sourceOf(newReplier("held").bytes()))
	if err != nil {
		t.Fatal(err)
	}
	defer held.Release()
	for i := range 5 {
		name := fmt.Sprint(i)
		m, err := e.Load(t.Context(), "tenant", name, sourceOf(newReplier(name).bytes()))
		if err != nil {
			t.Fatal(err)
		}
		m.Release()
	}
	e.mu.Lock()
	n, kept := len(e.modules), e.modules["held"] != nil && e.modules["4"] != nil
	e.mu.Unlock()
	if n != 2 || !kept {
		t.Errorf("%d modules are ready, want the one in use and the last", n)
	}
	if reply, err := runGuest(t.Context(), t, held, "{}", &fakeTasks{}); reply != "held" {
		t.Errorf("the module in use: got %q, %v", reply, err)
	}
}

func TestCloseWaitsForSandboxes(t *testing.T) {
	t.Parallel()
	e, err := NewEngine(Options{})
	if err != nil {
		t.Fatal(err)
	}
	m, err := e.Load(t.Context(), "tenant", "one", sourceOf(newReplier("late").bytes()))
	if err != nil {
		t.Fatal(err)
	}
	sandbox, err := m.Sandbox(t.Context(), "tenant")
	if err != nil {
		t.Fatal(err)
	}
	closed := make(chan error)
	go func() { closed <- e.Close() }()
	for { // until Close has begun
		if _, err := e.Load(t.Context(), "tenant", "two", sourceOf(nil)); errors.Is(err, ErrClosed) {
			break
		}
	}
	session := host.NewSession(t.Context(), &fakeTasks{}, host.Options{})
	defer session.End()
	if reply, err := sandbox.Run(t.Context(), []byte("{}"), session); string(reply) != "late" {
		t.Errorf("a run during Close: got %q, %v", reply, err)
	}
	if _, err := sandbox.Run(t.Context(), []byte("{}"), session); !errors.Is(err, errUsed) {
		t.Errorf("a second run: got %v", err)
	}
	select {
	case <-closed:
		t.Error("Close did not wait")
	default:
	}
	sandbox.Release()
	sandbox.Release()
	m.Release()
	if err := <-closed; err != nil {
		t.Error(err)
	}
	if err := e.Close(); err != nil {
		t.Errorf("the second Close: %v", err)
	}
	if _, err := e.Inspect(t.Context(), "tenant", newReplier("x").bytes()); !errors.Is(err, ErrClosed) {
		t.Errorf("Inspect after Close: got %v", err)
	}
}

func TestUploadsDoNotKeepModulesFromLoading(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(t, Options{InspectTimeout: time.Minute})
		for i := range compilesAtOnce { // that take all day
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			go e.uploads.Line(fmt.Sprint(i)).Within(ctx, 24*time.Hour, func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })
		}
		synctest.Wait()
		var refusal *abi.Refusal
		if _, err := e.Inspect(t.Context(), "tenant", newReplier("x").bytes()); !errors.As(err, &refusal) || refusal.Rule != "compile_busy" {
			t.Errorf("an upload that finds no place: got %v", err)
		}
		m, err := e.Load(t.Context(), "tenant", "one", sourceOf(newReplier("y").bytes()))
		if err != nil {
			t.Fatal(err)
		}
		m.Release()
	})
}

func TestCompiledCodeIsKeptBetweenStarts(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "cache")
	module := newReplier("kept").bytes()
	reply := func() string {
		e, err := NewEngine(Options{CacheDir: dir})
		if err != nil {
			t.Fatal(err)
		}
		defer e.Close()
		m, err := e.Load(t.Context(), "tenant", "one", sourceOf(module))
		if err != nil {
			t.Fatal(err)
		}
		defer m.Release()
		got, err := runGuest(t.Context(), t, m, "{}", &fakeTasks{})
		if err != nil {
			t.Error(err)
		}
		return got
	}
	entries := func() []string {
		found, err := filepath.Glob(filepath.Join(dir, "*", "wazero-*", "*"))
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	if got := reply(); got != "kept" || len(entries()) != 1 {
		t.Fatalf("got %q and %d entries", got, len(entries()))
	}
	if got := reply(); got != "kept" || len(entries()) != 1 {
		t.Errorf("from the cache: got %q and %d entries", got, len(entries()))
	}
	for name, damage := range map[string]func([]byte) []byte{
		"cut short": func(b []byte) []byte { return b[:len(b)/2] },
		"emptied":   func([]byte) []byte { return nil },
		"changed":   func(b []byte) []byte { b[len(b)/2] ^= 0xff; return b },
	} {
		entry := entries()[0]
		content, err := os.ReadFile(entry)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(entry, damage(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := reply(); got != "kept" {
			t.Errorf("%s: got %q", name, got)
		}
	}
}

func TestTheCacheMustBeOursAlone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o770); err != nil {
		t.Fatal(err)
	}
	if _, err := NewEngine(Options{CacheDir: dir}); err == nil || !strings.Contains(err.Error(), "chmod 700") {
		t.Errorf("got %v, want what to do about it", err)
	}
}

func TestOptionsThatMakeNoSense(t *testing.T) {
	t.Parallel()
	for _, opts := range []Options{{MemoryBytes: 1}, {MemoryBytes: 100_000}, {MemoryBytes: 5 << 30}, {InspectTimeout: -1}, {MaxModules: -1}, {ModuleBytes: -1}, {AllMemoryBytes: 100 << 20},
		{TenantMemoryBytes: 1 << 20}, {AllMemoryBytes: 1 << 30, TenantMemoryBytes: 2 << 30},
	} {
		if _, err := NewEngine(opts); err == nil {
			t.Errorf("%+v is accepted", opts)
		}
	}
}
