package task_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"

	"github.com/carrelhq/carrel/abi"
	"github.com/carrelhq/carrel/agent"
	"github.com/carrelhq/carrel/broker"
	"github.com/carrelhq/carrel/storage"
	"github.com/carrelhq/carrel/storage/storagetest"
	"github.com/carrelhq/carrel/task"
	"github.com/carrelhq/carrel/task/worker"
)

const (
	submitted     = a2apb.TaskState_TASK_STATE_SUBMITTED
	working       = a2apb.TaskState_TASK_STATE_WORKING
	completed     = a2apb.TaskState_TASK_STATE_COMPLETED
	failed        = a2apb.TaskState_TASK_STATE_FAILED
	canceled      = a2apb.TaskState_TASK_STATE_CANCELED
	rejected      = a2apb.TaskState_TASK_STATE_REJECTED
	inputRequired = a2apb.TaskState_TASK_STATE_INPUT_REQUIRED
	authRequired  = a2apb.TaskState_TASK_STATE_AUTH_REQUIRED
)

// bot is the agent of the tests.
var bot = task.Ref{Tenant: "acme", Agent: "bot"}

// house is one process on a store: a manager, and a loop while it runs.
type house struct {
	*task.Manager
	t      *testing.T
	db     storage.DB
	broker broker.Broker
	agents *agent.Registry
}

func newHouse(t *testing.T, db storage.DB, opts task.Options) *house {
	t.Helper()
	agents, err := agent.NewRegistry(db, nil, agent.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{bot.Agent, "other"} {
		if _, err := agents.Declare(t.Context(), bot.Tenant, name, abi.Description{InputModes: []string{"text/plain"}}, agent.PushOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	b := broker.New()
	m, err := task.NewManager(db, b, agents, opts)
	if err != nil {
		t.Fatal(err)
	}
	return &house{m, t, db, b, agents}
}

// memoryHouse is a house on a store of its own.
func memoryHouse(t *testing.T) *house { return newHouse(t, storagetest.Memory(), task.Options{}) }

// workerFunc is a task.Worker of one function.
type workerFunc func(context.Context, *task.Run) (task.Result, error)

func (f workerFunc) Work(ctx context.Context, run *task.Run) (task.Result, error) { return f(ctx, run) }

// start runs a loop until stop is called, or the test ends.
func (h *house) start(w workerFunc, opts worker.Options) (stop func()) {
	h.t.Helper()
	loop, err := worker.New(h.Manager, h.broker, w, opts)
	if err != nil {
		h.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(h.t.Context()))
	done := make(chan error, 1)
	go func() { done <- loop.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			h.t.Error(err)
		}
	})
	h.t.Cleanup(stop)
	return stop
}

// claim takes the next job, which must have something to do.
func (h *house) claim() *task.Run {
	h.t.Helper()
	job, err := h.broker.Dequeue(h.t.Context())
	if err != nil {
		h.t.Fatal(err)
	}
	run, err := h.Claim(h.t.Context(), job)
	if err != nil || run == nil {
		h.t.Fatalf("claim of %v: got %v, %v", job, run, err)
	}
	return run
}

func (h *house) finish(run *task.Run, result task.Result) {
	h.t.Helper()
	if err := h.Finish(h.t.Context(), run, result); err != nil {
		h.t.Fatal(err)
	}
}

func message(text string) *a2apb.Message {
	return &a2apb.Message{MessageId: "m", Role: a2apb.Role_ROLE_USER, Parts: []*a2apb.Part{part(text)}}
}

func part(text string) *a2apb.Part { return &a2apb.Part{Content: &a2apb.Part_Text{Text: text}} }

func artifact(id string, texts ...string) *a2apb.Artifact {
	a := &a2apb.Artifact{ArtifactId: id}
	for _, text := range texts {
		a.Parts = append(a.Parts, part(text))
	}
	return a
}

func chunk(id, text string, appends bool) *a2apb.TaskArtifactUpdateEvent {
	return &a2apb.TaskArtifactUpdateEvent{Artifact: artifact(id, text), Append: appends}
}

// send sends a text in a context, which may be empty.
func (h *house) send(text, contextID string) task.Accepted {
	h.t.Helper()
	msg := message(text)
	msg.ContextId = contextID
	return h.sendMessage(msg)
}

// reply sends a text to a task.
func (h *house) reply(text, id string) task.Accepted {
	h.t.Helper()
	msg := message(text)
	msg.TaskId = id
	return h.sendMessage(msg)
}

func (h *house) sendMessage(msg *a2apb.Message) task.Accepted {
	h.t.Helper()
	accepted, err := h.Send(h.t.Context(), bot, &a2apb.SendMessageRequest{Message: msg})
	if err != nil {
		h.t.Fatal(err)
	}
	return accepted
}

func (h *house) get(id string) *a2apb.Task {
	h.t.Helper()
	got, err := h.Get(h.t.Context(), bot, id, nil)
	if err != nil {
		h.t.Fatal(err)
	}
	return got
}

// await waits for what comes of a message.
func (h *house) await(a task.Accepted) *a2apb.Task {
	h.t.Helper()
	got, err := h.Await(h.t.Context(), bot, a.TaskID, a.Seq, nil)
	if err != nil {
		h.t.Fatal(err)
	}
	return got
}

func (h *house) wantState(id string, want a2apb.TaskState) {
	h.t.Helper()
	if got := h.get(id).Status.State; got != want {
		h.t.Errorf("task is %s, want %s", got, want)
	}
}

// follow reads a task's events to its end.
func (h *house) follow(id string, after uint64) (events []task.Event) {
	h.t.Helper()
	for e, err := range h.Log().Follow(h.t.Context(), bot, id, after) {
		if err != nil {
			h.t.Fatal(err)
		}
		events = append(events, e)
	}
	return events
}

// artifacts is a task's output as text: "id=parts" for each artifact.
func artifacts(t *a2apb.Task) string {
	var out []string
	for _, a := range t.Artifacts {
		out = append(out, a.ArtifactId+"="+texts(a.Parts))
	}
	return strings.Join(out, " ")
}

func texts(parts []*a2apb.Part) string {
	var out strings.Builder
	for _, p := range parts {
		out.WriteString(p.GetText())
	}
	return out.String()
}

// history is a task's history as text.
func history(t *a2apb.Task) string {
	var out []string
	for _, m := range t.History {
		out = append(out, texts(m.Parts))
	}
	return strings.Join(out, " ")
}

// echo completes with the message's parts.
func echo(_ context.Context, run *task.Run) (task.Result, error) {
	return task.Result{Artifacts: []*a2apb.Artifact{artifact("", texts(run.Message.Parts))}}, nil
}

func said(text string) *a2apb.Message { return &a2apb.Message{Parts: []*a2apb.Part{part(text)}} }

// summary is a log as text: "1:task 2:working 3:artifact 4:completed".
func summary(events []task.Event) string {
	var out []string
	for _, e := range events {
		out = append(out, fmt.Sprintf("%d:%s", e.Seq, kind(e)))
	}
	return strings.Join(out, " ")
}

func kind(e task.Event) string {
	switch {
	case e.Body.GetTask() != nil:
		return "task"
	case e.Body.GetArtifactUpdate() != nil:
		return "artifact"
	case e.Body.GetStatusUpdate() != nil:
		return strings.ToLower(strings.TrimPrefix(e.State.String(), "TASK_STATE_"))
	}
	return "hidden"
}

func (h *house) saveBehind(contextID string) error {
	return task.SaveBehind(h.t.Context(), h.db, bot, contextID)
}
