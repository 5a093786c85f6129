package task_test

import (
	"context"
	"testing"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"

	"github.com/carrelhq/carrel/abi"
	"github.com/carrelhq/carrel/agent"
	"github.com/carrelhq/carrel/broker"
	"github.com/carrelhq/carrel/storage/storagetest"
	"github.com/carrelhq/carrel/task"
	"github.com/carrelhq/carrel/task/worker"
)

type workerFunc func(context.Context, *task.Run) (task.Result, error)

func (f workerFunc) Work(ctx context.Context, run *task.Run) (task.Result, error) { return f(ctx, run) }

func TestEcho(t *testing.T) {
	db, b := storagetest.Memory(), broker.New()
	agents, _ := agent.NewRegistry(db, nil, agent.Options{})
	if _, err := agents.Declare(t.Context(), "acme", "echo", abi.Description{}, agent.PushOptions{}); err != nil {
		t.Fatal(err)
	}
	m, err := task.NewManager(db, b, agents, task.Options{})
	if err != nil {
		t.Fatal(err)
	}
	l, err := worker.New(m, b, workerFunc(func(_ context.Context, run *task.Run) (task.Result, error) {
		return task.Result{Artifacts: []*a2apb.Artifact{{Parts: run.Message.Parts}}}, nil
	}), worker.Options{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- l.Run(ctx) }()
	ref := task.Ref{Tenant: "acme", Agent: "echo"}
	acc, err := m.Send(ctx, ref, &a2apb.SendMessageRequest{Message: &a2apb.Message{MessageId: "1", Role: a2apb.Role_ROLE_USER, Parts: []*a2apb.Part{{Content: &a2apb.Part_Text{Text: "hi"}}}}})
	if err != nil {
		t.Fatal(err)
	}
	got, err := m.Await(ctx, ref, acc.TaskID, acc.Seq, nil)
	t.Log(got, err)
	for e, err := range m.Log().Follow(ctx, ref, acc.TaskID, 0) {
		t.Log(e.Seq, e.Body, err)
	}
	list, err := m.List(ctx, ref, &a2apb.ListTasksRequest{})
	t.Log(list, err)
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}
