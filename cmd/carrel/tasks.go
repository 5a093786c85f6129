package main

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/a2aproject/a2a-go/v2/a2a"
	"github.com/spf13/cobra"
)

func newTasksCommand(p program) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "tasks",
		GroupID: groupTalk,
		Short:   "List, show and delete an agent's tasks",
		Args:    cobra.NoArgs,
	}
	cmd.AddCommand(newTasksListCommand(p), newTasksShowCommand(p), newTasksDeleteCommand(p))
	return cmd
}

func newTasksListCommand(p program) *cobra.Command {
	var contextID, state string
	var limit int
	cmd := &cobra.Command{
		Use:     "list AGENT",
		Short:   "List an agent's tasks, the latest first",
		Example: "  carrel tasks list counter --state failed\n  carrel tasks list counter --context 8b4c7c52-… --json",
		Args:    asUsed,
	}
	c := p.addClient(cmd)
	cmd.Flags().StringVar(&contextID, "context", "", "only tasks of the context of this `id`")
	cmd.Flags().StringVar(&state, "state", "", "only tasks in this `state`, for example failed")
	cmd.Flags().IntVar(&limit, "limit", 50, "at most this `number` of tasks")
	cmd.RunE = c.resolved(func(ctx context.Context, args []string) error {
		if limit < 1 {
			return usagef("--limit: must be more than 0")
		}
		tasks, err := c.listTasks(ctx, args[0], &a2a.ListTasksRequest{ContextID: contextID, Status: stateOf(state)}, limit)
		if err != nil {
			return err
		}
		return c.print(tasks, func() {
			rows := make([][]string, len(tasks))
			for i, t := range tasks {
				rows[i] = []string{string(t.ID), stateText(t.Status.State), statusTime(t.Status), t.ContextID, statusText(t.Status)}
			}
			c.table("TASK STATE SINCE CONTEXT MESSAGE", rows)
		})
	})
	return cmd
}

// emptyPages is how many pages without a task, one after another, are followed to
// the next: a server may filter what it has read, or never come to an end.
const emptyPages = 10

// listTasks reads pages until it has limit tasks or all.
func (c *client) listTasks(ctx context.Context, agent string, req *a2a.ListTasksRequest, limit int) ([]*a2a.Task, error) {
	dialed, err := c.dial(ctx, agent)
	if err != nil {
		return nil, err
	}
	tasks := []*a2a.Task{}
	for empty := 0; len(tasks) < limit; {
		req.PageSize = min(limit-len(tasks), 100)
		page, err := dialed.ListTasks(ctx, req)
		if err != nil {
			return nil, c.explain(err)
		}
		tasks = append(tasks, page.Tasks...)
		if req.PageToken = page.NextPageToken; req.PageToken == "" {
			break
		}
		if empty++; len(page.Tasks) > 0 {
			empty = 0
		}
		if empty == emptyPages {
			return nil, fmt.Errorf("the server answered %d pages without a task, and that there are more", empty)
		}
	}
	return tasks[:min(len(tasks), limit)], nil
}

// stateOf is the state that people write as "input required" or input-required.
func stateOf(text string) a2a.TaskState {
	if text == "" {
		return a2a.TaskStateUnspecified
	}
	word := strings.NewReplacer(" ", "_", "-", "_").Replace(strings.ToUpper(text))
	return a2a.TaskState("TASK_STATE_" + strings.TrimPrefix(word, "TASK_STATE_"))
}

func statusTime(status a2a.TaskStatus) string {
	if status.Timestamp == nil {
		return ""
	}
	return status.Timestamp.Local().Format(time.DateTime)
}

func newTasksShowCommand(p program) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "show AGENT TASK",
		Short: "Show a task with its messages and artifacts",
		Args:  asUsed,
	}
	c := p.addClient(cmd)
	cmd.RunE = c.resolved(func(ctx context.Context, args []string) error {
		agent, err := c.dial(ctx, args[0])
		if err != nil {
			return err
		}
		task, err := agent.GetTask(ctx, &a2a.GetTaskRequest{ID: a2a.TaskID(args[1])})
		if err != nil {
			return c.explain(err)
		}
		return c.print(task, func() { c.showTask(task) })
	})
	return cmd
}

func (c *client) showTask(task *a2a.Task) {
	c.field("task", string(task.ID))
	c.field("context", task.ContextID)
	c.field("state", stateText(task.Status.State))
	c.field("since", statusTime(task.Status))
	c.field("says", statusText(task.Status))
	for _, m := range task.History {
		if m == nil {
			continue // another server sent null
		}
		who := "user"
		if m.Role == a2a.MessageRoleAgent {
			who = "agent"
		}
		c.field(who, textOf(m.Parts))
	}
	for _, a := range task.Artifacts {
		if a == nil {
			continue
		}
		c.field("artifact", strings.TrimSpace(a.Name+" "+textOf(a.Parts)))
	}
}

func newTasksDeleteCommand(p program) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "delete AGENT TASK",
		Short: "Delete a finished task with its events and log",
		Args:  asUsed,
	}
	c := p.addClient(cmd)
	cmd.RunE = c.resolved(func(ctx context.Context, args []string) error {
		if isURL(args[0]) {
			return usagef("tasks can be deleted on the server only; give the agent's name")
		}
		if err := c.call(ctx, http.MethodDelete, c.agentPath(args[0], "tasks", args[1]), nil, nil); err != nil {
			return err
		}
		return c.print(map[string]string{"deleted": args[1]}, func() { fmt.Fprintf(c.stdout, "task %s is deleted\n", cell(args[1])) })
	})
	return cmd
}
