// Package worker is the loop that turns queued jobs into runs: it takes jobs
// from the broker, claims their tasks with leases, hands them to a
// [task.Worker], and commits how they end.
//
// Whatever a crash, a lost lease or a lost job leaves behind, its sweep finds in
// storage and queues again.
package worker

import (
	"context"
	"log/slog"
	"time"

	"github.com/carrelhq/carrel/broker"
	"github.com/carrelhq/carrel/internal/telemetry"
	"github.com/carrelhq/carrel/task"
)

// Options configure a Loop. Zero values are replaced by the defaults given.
type Options struct {
	// Concurrency is the number of runs at a time (256).
	Concurrency int
	// RunTimeout bounds a run (10 min); it ends failed, with a message that says so.
	RunTimeout time.Duration
	// SoftStop is how long runs may go on after shutdown began (10 s); what then
	// still runs is interrupted and its lease given back, at no cost of an attempt.
	SoftStop time.Duration
	// SweepEvery is how often storage is searched for lost work (5 s).
	SweepEvery time.Duration
	Logger     *slog.Logger
	Telemetry  *telemetry.Telemetry
}

// Loop runs tasks. Run it once.
type Loop struct{}

// New returns a loop over the manager's tasks.
func New(m *task.Manager, b broker.Broker, w task.Worker, opts Options) (*Loop, error) {
	panic("not built")
}

// Run works until ctx ends, then stops taking jobs, lets runs end within
// SoftStop, gives leases back and returns nil after the last goroutine ended.
func (l *Loop) Run(ctx context.Context) error { panic("not built") }
