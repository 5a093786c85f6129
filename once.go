package carrel

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"os"
	"strings"
	"time"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"
	"github.com/google/uuid"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/carrelhq/carrel/agent"
	"github.com/carrelhq/carrel/task"
	"github.com/carrelhq/carrel/tenant"
)

// OnceOptions configure RunOnce. Zero values are replaced by the defaults given.
type OnceOptions struct {
	// Timeout bounds the run (10 min), CompileTimeout what comes before it (30 s).
	Timeout, CompileTimeout time.Duration
	// MemoryBytes is the most linear memory of the sandbox (64 MiB).
	MemoryBytes int64
	// Grants are the host functions the module may call beyond those always granted.
	Grants []string
	// CompileCommand is as in Options.
	CompileCommand []string
	// OnLine, where set, is called with each line of the task's log when the run has ended.
	OnLine func(Line)
	// Logger gets the log of the parts; nil discards it.
	Logger *slog.Logger
}

// Outcome is how a task ended.
type Outcome struct {
	// Completed is true when the task did what it was asked.
	Completed bool
	// State is the task's last state, for example "failed" or "input_required".
	State string
	// Text is the text of the artifacts, or of the status message when there are none.
	Text string
	// Reason is the text of the last status message.
	Reason string
	// Task is the whole task in the JSON of A2A.
	Task json.RawMessage
}

// RunOnce runs one task of a module without a server, on a store that is thrown
// away. A refused module is an *abi.Refusal. How the task ended is no error.
func RunOnce(ctx context.Context, module io.Reader, text string, opts OnceOptions) (_ Outcome, err error) {
	dir, err := os.MkdirTemp("", "carrel-run-")
	if err != nil {
		return Outcome{}, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	full, err := Options{
		DataDir:        dir,
		RunTimeout:     opts.Timeout,
		CompileTimeout: opts.CompileTimeout,
		CompileCommand: opts.CompileCommand,
		MemoryBytes:    opts.MemoryBytes,
		Grants:         opts.Grants,
		MaxAttempts:    1,
		OnLine:         opts.OnLine,
		Logger:         opts.Logger,
	}.complete()
	if err != nil {
		return Outcome{}, err
	}
	h := &house{opts: full}
	defer func() { err = errors.Join(err, h.close()) }()
	if err := h.build(ctx); err != nil {
		return Outcome{}, err
	}
	ref := task.Ref{Tenant: tenant.Default, Agent: "module"}
	if _, err := h.agents.Push(ctx, ref.Tenant, ref.Agent, module, agent.PushOptions{}); err != nil {
		return Outcome{}, err
	}
	return h.runOne(ctx, ref, text)
}

// runOne runs the loop for as long as one task takes.
func (h *house) runOne(ctx context.Context, ref task.Ref, text string) (Outcome, error) {
	loopCtx, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- h.loop.Run(loopCtx) }()
	done, err := h.sendOne(ctx, ref, text)
	stop()
	if err = errors.Join(err, <-ended); err != nil {
		return Outcome{}, err
	}
	if err := context.Cause(ctx); err != nil {
		return Outcome{}, err
	}
	return outcome(done)
}

func (h *house) sendOne(ctx context.Context, ref task.Ref, text string) (*a2apb.Task, error) {
	accepted, err := h.tasks.Send(ctx, ref, &a2apb.SendMessageRequest{
		Message: &a2apb.Message{
			MessageId: uuid.NewString(),
			Role:      a2apb.Role_ROLE_USER,
			Parts:     []*a2apb.Part{{Content: &a2apb.Part_Text{Text: text}}},
		},
		// What is shown is a task, also of an agent that replies with messages.
		Configuration: &a2apb.SendMessageConfiguration{ReturnImmediately: true},
	})
	if err != nil {
		return nil, err
	}
	return h.tasks.Await(ctx, ref, accepted.TaskID, accepted.Seq, nil)
}

func outcome(t *a2apb.Task) (Outcome, error) {
	encoded, err := protojson.Marshal(t)
	if err != nil {
		return Outcome{}, err
	}
	state := t.GetStatus().GetState()
	out := Outcome{
		Completed: state == a2apb.TaskState_TASK_STATE_COMPLETED,
		State:     strings.ToLower(strings.TrimPrefix(state.String(), "TASK_STATE_")),
		Reason:    partsText(t.GetStatus().GetMessage().GetParts()),
		Task:      encoded,
	}
	var artifacts []string
	for _, a := range t.GetArtifacts() {
		artifacts = append(artifacts, partsText(a.GetParts()))
	}
	if out.Text = strings.Join(artifacts, "\n"); len(artifacts) == 0 {
		out.Text = out.Reason
	}
	return out, nil
}

func partsText(parts []*a2apb.Part) string {
	var out strings.Builder
	for _, p := range parts {
		out.WriteString(p.GetText())
	}
	return out.String()
}
