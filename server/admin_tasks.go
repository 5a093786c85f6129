package server

import (
	"context"
	"encoding/json"
	"iter"
	"net/http"
	"net/url"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"
	"github.com/danielgtaylor/huma/v2"

	"github.com/carrelhq/carrel/internal/a2ajson"
	"github.com/carrelhq/carrel/task"
)

// taskAdmin is what the admin API needs of the task manager beside the
// operations of A2A.
type taskAdmin interface {
	Delete(ctx context.Context, ref task.Ref, id string) error
	DeleteContext(ctx context.Context, ref task.Ref, contextID string) error
	ClearAgent(ctx context.Context, ref task.Ref) error
	PushHealth(ctx context.Context, ref task.Ref, id string) ([]task.PushHealth, error)
	Lines(ctx context.Context, ref task.Ref, id string, after uint64, follow bool) iter.Seq2[task.LogLine, error]
}

func (s *Server) registerTasks(api huma.API) {
	const path = "/tenants/{tenant}/agents/{agent}/tasks"
	tags := []string{"tasks"}
	route(s, api, huma.Operation{OperationID: "list-tasks", Method: http.MethodGet, Path: path, Summary: "The agent's tasks as A2A objects, newest status first", Tags: tags}, s.listTasks)
	route(s, api, huma.Operation{OperationID: "get-task", Method: http.MethodGet, Path: path + "/{task}", Summary: "A task as an A2A object", Tags: tags}, s.getTask)
	route(s, api, huma.Operation{OperationID: "list-webhooks", Method: http.MethodGet, Path: path + "/{task}/webhooks", Summary: "How the webhooks of a task go", Tags: tags}, s.listWebhooks)
	route(s, api, huma.Operation{OperationID: "cancel-task", Method: http.MethodPost, Path: path + "/{task}/cancel", Summary: "Cancel a task", Tags: tags}, s.cancelTask)
	route(s, api, huma.Operation{OperationID: "delete-task", Method: http.MethodDelete, Path: path + "/{task}", Summary: "Remove a finished task with its events and log", Tags: tags}, s.deleteTask)
	route(s, api, huma.Operation{OperationID: "delete-context", Method: http.MethodDelete, Path: "/tenants/{tenant}/agents/{agent}/contexts/{context}", Summary: "Remove a context and its tasks, which must be finished", Tags: tags}, s.deleteContext)
}

// keyHolder is a caller that has shown a key.
func keyHolder(tenant, agent string) caller {
	return caller{ref: task.Ref{Tenant: tenant, Agent: agent}}
}

// taskPath names a task in a path.
type taskPath struct {
	Tenant string `path:"tenant" doc:"The tenant that owns the agent"`
	Agent  string `path:"agent" doc:"The agent's name"`
	Task   string `path:"task" doc:"The task's id"`
}

type listTasksInput struct {
	Tenant    string `path:"tenant" doc:"The tenant that owns the agent"`
	Agent     string `path:"agent" doc:"The agent's name"`
	After     string `query:"after" doc:"The next of the page before"`
	Limit     int    `query:"limit" minimum:"1" maximum:"100" default:"100" doc:"The most items wanted"`
	ContextID string `query:"contextId" doc:"Only tasks of this context"`
	Status    string `query:"status" doc:"Only tasks in this state" example:"TASK_STATE_COMPLETED"`
}

func (s *Server) listTasks(ctx context.Context, in *listTasksInput) (*listed[json.RawMessage], error) {
	state, known := a2apb.TaskState_value[in.Status]
	if in.Status != "" && !known {
		return nil, badField("query.status", "is not the name of a task state")
	}
	limit, none := int32(in.Limit), int32(0)
	found, err := s.ops.listTasks(ctx, keyHolder(in.Tenant, in.Agent), &a2apb.ListTasksRequest{
		ContextId: in.ContextID, Status: a2apb.TaskState(state), PageToken: in.After, PageSize: &limit, HistoryLength: &none,
	})
	if err != nil {
		return nil, err
	}
	items := make([]json.RawMessage, 0, len(found.GetTasks()))
	for _, t := range found.GetTasks() {
		item, err := a2ajson.Append(nil, t)
		if err != nil {
			return nil, err
		}
		items = append(items, item)
	}
	return newListed(items, found.GetNextPageToken()), nil
}

func (s *Server) getTask(ctx context.Context, in *taskPath) (*one[json.RawMessage], error) {
	t, err := s.ops.getTask(ctx, keyHolder(in.Tenant, in.Agent), &a2apb.GetTaskRequest{Id: in.Task})
	return taskReply(t, err)
}

func (s *Server) cancelTask(ctx context.Context, in *taskPath) (*one[json.RawMessage], error) {
	t, err := s.ops.cancelTask(ctx, keyHolder(in.Tenant, in.Agent), &a2apb.CancelTaskRequest{Id: in.Task})
	return taskReply(t, err)
}

func taskReply(t *a2apb.Task, err error) (*one[json.RawMessage], error) {
	if err != nil {
		return nil, err
	}
	encoded, err := a2ajson.Append(nil, t)
	return &one[json.RawMessage]{encoded}, err
}

func (s *Server) listWebhooks(ctx context.Context, in *taskPath) (*listed[task.PushHealth], error) {
	found, err := s.parts.tasks.PushHealth(ctx, keyHolder(in.Tenant, in.Agent).ref, in.Task)
	if err != nil {
		return nil, err
	}
	return newListed(found, ""), nil
}

func (s *Server) deleteTask(ctx context.Context, in *taskPath) (*struct{}, error) {
	return nil, s.parts.tasks.Delete(ctx, keyHolder(in.Tenant, in.Agent).ref, in.Task)
}

type contextPath struct {
	Tenant  string `path:"tenant" doc:"The tenant that owns the agent"`
	Agent   string `path:"agent" doc:"The agent's name"`
	Context string `path:"context" doc:"The context's id"`
}

func (s *Server) deleteContext(ctx context.Context, in *contextPath) (*struct{}, error) {
	id, err := url.PathUnescape(in.Context)
	if err != nil {
		return nil, errNotFound
	}
	return nil, s.parts.tasks.DeleteContext(ctx, keyHolder(in.Tenant, in.Agent).ref, id)
}
