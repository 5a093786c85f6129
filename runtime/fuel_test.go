package runtime

import (
	"context"
	"errors"
	goruntime "runtime"
	"slices"
	"testing"
	"time"

	"github.com/carrelhq/carrel/host"
)

// slowLines are tasks whose log takes a slice for each line.
type slowLines struct {
	fakeTasks
	onLine func()
}

func (s *slowLines) Line(level, message string) host.Effect {
	s.onLine()
	for begin := time.Now(); time.Since(begin) < slice; { // as work does
		continue
	}
	return s.fakeTasks.Line(level, message)
}

// TestHostCallsLookUp: host calls cost a guest little fuel, and may take long. One
// that makes many gives others their turn nevertheless.
func TestHostCallsLookUp(t *testing.T) {
	t.Parallel()
	e := newEngine(t, Options{Slots: 1})
	const calls = 100
	line := `{"level":"info","message":"again"}`
	storm := newBareGuest([][]byte{i32Const(4096)}, "log")
	storm.dataAt(16, []byte(line))
	logging := slices.Concat(i32Const(16), i32Const(int64(len(line))), call(0))
	storming := newSandbox(t, e, run(storm, repeat(calls-1, logging, drop), logging).bytes())
	other := newSandbox(t, e, newReplier("served").bytes())

	var made, before int
	served := make(chan error, 1)
	tasks := &slowLines{onLine: func() {
		if made++; made == 1 {
			go func() { served <- runAs("another", other, &fakeTasks{}) }()
			for e.schedule.Stats().Waiting == 0 {
				goruntime.Gosched()
			}
		}
		if len(served) == 0 {
			before = made
		}
	}}
	if err := runAs("tenant", storming, tasks); err != nil {
		t.Fatal(err)
	}
	if err := <-served; err != nil {
		t.Fatal(err)
	}
	if made != calls || before == calls {
		t.Errorf("%d calls were made, and %d before the other guest was served", made, before)
	}
}

func newSandbox(t *testing.T, e *Engine, module []byte) *Sandbox {
	t.Helper()
	sandbox, err := load(t, e, module).Sandbox(t.Context(), "tenant")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(sandbox.Release)
	return sandbox
}

// runAs runs a guest in the tenant's name.
func runAs(tenant string, sandbox *Sandbox, tasks host.Tasks) error {
	session := host.NewSession(context.Background(), tasks, host.Options{Tenant: tenant})
	_, err := sandbox.Run(context.Background(), []byte("{}"), session)
	return errors.Join(err, session.End())
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
