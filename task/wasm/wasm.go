// Package wasm is the task.Worker that runs uploaded modules: it takes a clean
// sandbox for the task's agent version, runs the guest with a host session whose
// effects are the task's events, and turns the guest's reply into a result.
package wasm

import (
	"context"
	"log/slog"

	"github.com/carrelhq/carrel/internal/telemetry"
	"github.com/carrelhq/carrel/runtime"
	"github.com/carrelhq/carrel/task"
)

// Modules returns module bytes by digest.
type Modules interface {
	Module(ctx context.Context, digest string) ([]byte, error)
}

// Options configure a Worker.
type Options struct {
	Logger    *slog.Logger
	Telemetry *telemetry.Telemetry
}

// Worker runs tasks in sandboxes. It is a task.Worker.
type Worker struct{}

// New returns a worker.
func New(engine *runtime.Engine, modules Modules, opts Options) (*Worker, error) {
	panic("not built")
}

// Work implements task.Worker.
func (w *Worker) Work(ctx context.Context, run *task.Run) (task.Result, error) { panic("not built") }
