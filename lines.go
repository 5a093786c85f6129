package carrel

import (
	"context"

	"github.com/carrelhq/carrel/task"
)

// Line is a line that a run wrote to its task's log.
type Line struct {
	Tenant, Agent, TaskID string
	// Level is debug, info, warn or error.
	Level, Message string
}

// telling is a worker that shows the lines of each run once it has ended.
type telling struct {
	task.Worker
	house  *house
	onLine func(Line)
}

// Work implements task.Worker.
func (w telling) Work(ctx context.Context, run *task.Run) (task.Result, error) {
	result, err := w.Worker.Work(ctx, run)
	for line, readErr := range w.house.tasks.Lines(context.WithoutCancel(ctx), run.Ref, run.TaskID, 0, false) {
		if readErr != nil {
			w.house.opts.Logger.Warn("log not shown", "tenant", run.Ref.Tenant, "task", run.TaskID, "error", readErr)
			break
		}
		if line.Run == run.Number && line.Attempt == run.Attempt {
			w.onLine(Line{run.Ref.Tenant, run.Ref.Agent, run.TaskID, line.Level, line.Message})
		}
	}
	return result, err
}
