// Package wasm is the task.Worker that runs uploaded modules: it takes a clean
// sandbox for the task's agent version, runs the guest with a host session whose
// effects are the task's events, and turns the guest's reply into a result.
package wasm

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"time"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"

	"github.com/carrelhq/carrel/agent"
	"github.com/carrelhq/carrel/host"
	"github.com/carrelhq/carrel/internal/telemetry"
	"github.com/carrelhq/carrel/runtime"
	"github.com/carrelhq/carrel/storage"
	"github.com/carrelhq/carrel/task"
)

// Modules returns module bytes by digest.
type Modules interface {
	Module(ctx context.Context, digest string) ([]byte, error)
}

// Options configure a Worker.
type Options struct {
	// RunTimeout and MemoryBytes are what guests are told of their limits.
	RunTimeout  time.Duration
	MemoryBytes int64
	Logger      *slog.Logger
	Telemetry   *telemetry.Telemetry
}

// Worker runs tasks in sandboxes. It is a task.Worker.
type Worker struct {
	engine  *runtime.Engine
	modules Modules
	opts    Options
}

// New returns a worker.
func New(engine *runtime.Engine, modules Modules, opts Options) (*Worker, error) {
	if engine == nil || modules == nil {
		return nil, errors.New("wasm: a worker needs an engine and modules")
	}
	opts.RunTimeout = cmp.Or(opts.RunTimeout, 10*time.Minute)
	opts.MemoryBytes = cmp.Or(opts.MemoryBytes, 64<<20)
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	return &Worker{engine: engine, modules: modules, opts: opts}, nil
}

// Work implements task.Worker. What the guest does wrong ends the run as failed;
// what carrel does wrong is an error, and the run is tried again.
func (w *Worker) Work(ctx context.Context, run *task.Run) (task.Result, error) {
	if run.Version.Native {
		return failure("This server cannot run the agent: it has no module."), nil
	}
	module, err := w.load(ctx, run.Ref.Tenant, run.Version.Digest)
	if errors.Is(err, agent.ErrNotFound) {
		return failure("The agent was deleted before the task could run."), nil
	}
	if err != nil {
		return task.Result{}, err
	}
	defer module.Release()
	return w.run(ctx, run, module)
}

func (w *Worker) load(ctx context.Context, tenant, digest string) (m *runtime.Module, err error) {
	ctx, span := w.opts.Telemetry.Start(ctx, "module.load")
	defer func() { span.End(err) }()
	return w.engine.Load(ctx, tenant, digest, func(ctx context.Context) ([]byte, error) { return w.modules.Module(ctx, digest) })
}

// run calls the guest. Its effects are committed before its reply is believed, or, the
// last of them, together with it.
func (w *Worker) run(ctx context.Context, run *task.Run, module *runtime.Module) (task.Result, error) {
	request, err := appendRequest(make([]byte, 0, smallRequest), run, w.opts.limits())
	if err != nil {
		return task.Result{}, err
	}
	session := host.NewSession(ctx, tasks{run}, host.Options{
		Tenant: run.Ref.Tenant, Grants: run.Version.Grants, Logger: w.opts.Logger, Telemetry: w.opts.Telemetry,
	})
	ctx, span := w.opts.Telemetry.Start(ctx, "sandbox.run")
	reply, err := module.Run(ctx, request, session)
	span.End(err)
	if err != nil {
		if ended := session.End(); ended != nil && guilty(err) {
			err = ended
		}
		return outcome(ctx, run, err)
	}
	rest, err := session.EndWith(task.AlsoBytes)
	if err != nil {
		return outcome(ctx, run, err)
	}
	out := result(reply)
	out.Also = all(rest)
	return out, nil
}

// all applies the effects, nil when there are none.
func all(effects []host.Effect) func(storage.Tx) error {
	if len(effects) == 0 {
		return nil
	}
	return func(tx storage.Tx) error {
		for _, e := range effects {
			if err := e.Apply(tx); err != nil {
				return err
			}
		}
		return nil
	}
}

// outcome is a failed result for what the guest did, and an error for the rest. A run
// that wrote too much saves nothing, whenever that is seen.
func outcome(ctx context.Context, run *task.Run, err error) (task.Result, error) {
	if errors.Is(err, task.ErrLogFull) {
		run.DiscardContext()
	}
	if ctx.Err() == nil && guilty(err) {
		return failure("The agent failed: " + err.Error() + "."), nil
	}
	return task.Result{}, err
}

// guilty reports whether the guest is at fault.
func guilty(err error) bool {
	return errors.Is(err, runtime.ErrTrap) || errors.Is(err, host.ErrGuest)
}

func failure(text string) task.Result {
	return task.Result{State: a2apb.TaskState_TASK_STATE_FAILED, Message: message(text)}
}

func message(text string) *a2apb.Message {
	return &a2apb.Message{Parts: []*a2apb.Part{{Content: &a2apb.Part_Text{Text: text}}}}
}
