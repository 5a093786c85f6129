package runtime

import (
	"context"
	goruntime "runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/carrelhq/carrel/abi"
	"github.com/carrelhq/carrel/host"
)

// watchedTasks are a task that says when its status is set.
type watchedTasks struct {
	fakeTasks
	onStatus func()
}

func (w *watchedTasks) Status(ctx context.Context, r abi.TaskStatusRequest) (host.Effect, error) {
	w.onStatus()
	return w.fakeTasks.Status(ctx, r)
}

// sandboxFor returns a sandbox that is ready, and what runs it.
func sandboxFor(t *testing.T, m *Module, tenant string, tasks host.Tasks) (run func()) {
	t.Helper()
	sandbox, err := m.Sandbox(t.Context(), tenant)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(sandbox.Release)
	session := host.NewSession(t.Context(), tasks, host.Options{Tenant: tenant})
	return func() {
		if _, err := sandbox.Run(t.Context(), nil, session); err != nil {
			t.Error(err)
		}
		if err := session.End(); err != nil {
			t.Error(err)
		}
	}
}

// TestAGuestThatCallsTheHostGivesWay has a guest make calls that take long and next
// to no fuel, while a guest of another tenant waits for the only slot.
func TestAGuestThatCallsTheHostGivesWay(t *testing.T) {
	t.Parallel()
	const request = `{"state":"working","message":{"text":"x"}}`
	e := newEngine(t, Options{Slots: 1})
	g := newGuest("task_status")
	g.dataAt(16, []byte("{}"))
	g.dataAt(1024, []byte(request))
	m := load(t, e, run(g, repeat(2, i32Const(1024), i32Const(int64(len(request))), call(0), drop), pack(16, 2)).bytes())
	var mu sync.Mutex
	var order []string
	note := func(who string) {
		mu.Lock()
		defer mu.Unlock()
		order = append(order, who)
	}
	var other sync.WaitGroup
	patient := sandboxFor(t, m, "patient", &watchedTasks{onStatus: func() { note("patient") }})
	first := sync.OnceFunc(func() {
		other.Go(patient)
		for began := time.Now(); e.schedule.Stats().Waiting == 0 || time.Since(began) < 2*slice; {
			goruntime.Gosched()
		}
	})
	sandboxFor(t, m, "caller", &watchedTasks{onStatus: func() { note("caller"); first() }})()
	other.Wait()
	if order[1] != "patient" {
		t.Errorf("calls came in the order %s", strings.Join(order, ", "))
	}
}

// TestLongHostCallsArePaidFor has guests pass many bytes to the host, or be given
// many, in one call.
func TestLongHostCallsArePaidFor(t *testing.T) {
	t.Parallel()
	const many = 1 << 20
	paid := func(g *guest, instructions ...[]byte) int64 {
		g.dataAt(16, []byte("{}"))
		g.memories[0] = limits(many/pageSize+2, -1)
		m := load(t, newEngine(t, Options{}), run(g, slices.Concat(instructions...), pack(16, 2)).bytes())
		sandbox, err := m.Sandbox(t.Context(), "tenant")
		if err != nil {
			t.Fatal(err)
		}
		defer sandbox.Release()
		if _, err := sandbox.Run(t.Context(), nil, host.NewSession(t.Context(), &fakeTasks{}, host.Options{})); err != nil {
			t.Fatal(err)
		}
		return sandbox.instance.used()
	}
	printer := newWasiGuest("fd_write")
	printer.dataAt(2048, []byte{0, 16, 0, 0, 0, 0, 16, 0}) // from 4096, 1 MiB
	for name, fuel := range map[string]int64{
		"random_get": paid(newWasiGuest("random_get"), i32Const(1024), i32Const(many), call(0), drop),
		"fd_write":   paid(printer, i32Const(1), i32Const(2048), i32Const(1), i32Const(8), call(0), drop),
		"log":        paid(newBareGuest([][]byte{i32Const(64)}, "log"), i32Const(1024), i32Const(many), call(0), drop),
	} {
		if fuel < many/4 {
			t.Errorf("%s of %d bytes cost %d", name, many, fuel)
		}
	}
}

// TestSlowFuelComesInSmallPortions: a guest that takes long for its fuel looks up
// as often as others do.
func TestSlowFuelComesInSmallPortions(t *testing.T) {
	t.Parallel()
	in := &instance{portion: quantum}
	for i, step := range []struct {
		took time.Duration
		want int64
	}{
		{lookEvery, quantum}, {3 * lookEvery, quantum / 4}, {2 * lookEvery, quantum / 4}, {40 * lookEvery, quantum / 16},
		{40 * lookEvery, leastQuantum}, {40 * lookEvery, leastQuantum}, {lookEvery, leastQuantum}, {lookEvery / 2, 2 * leastQuantum},
		{0, quantum / 8}, {0, quantum / 4}, {0, quantum / 2}, {0, quantum}, {0, quantum},
	} {
		if in.apportion(step.took); in.portion != step.want {
			t.Fatalf("step %d: a portion of %d after %v, want %d", i, in.portion, step.took, step.want)
		}
	}
}
