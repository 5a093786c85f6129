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

// tellLines shows the lines of an attempt that is over.
func (h *house) tellLines(ctx context.Context, run *task.Run) {
	for line, err := range h.tasks.Lines(ctx, run.Ref, run.TaskID, 0, false) {
		if err != nil {
			h.opts.Logger.Warn("log not shown", "tenant", run.Ref.Tenant, "task", run.TaskID, "error", err)
			return
		}
		if line.Run == run.Number && line.Attempt == run.Attempt {
			h.opts.OnLine(Line{run.Ref.Tenant, run.Ref.Agent, run.TaskID, line.Level, line.Message})
		}
	}
}
