package server

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"

	"github.com/carrelhq/carrel/broker"
	"github.com/carrelhq/carrel/storage"
	"github.com/carrelhq/carrel/task"
	"github.com/carrelhq/carrel/task/worker"
)

// scripted is a worker that does what the message says.
type scripted struct {
	// held gets a run that was told to wait, and release lets one go on.
	held    chan *task.Run
	release chan struct{}
}

func newScripted() *scripted {
	return &scripted{held: make(chan *task.Run, 100), release: make(chan struct{})}
}

// Work obeys the first word of the message.
func (w *scripted) Work(ctx context.Context, run *task.Run) (task.Result, error) {
	word, rest, _ := strings.Cut(run.Message.GetParts()[0].GetText(), " ")
	switch word {
	case "echo":
		return task.Result{Artifacts: []*a2apb.Artifact{{ArtifactId: "answer", Parts: text(rest)}}}, nil
	case "reply":
		return task.Result{Message: &a2apb.Message{Parts: text(rest)}}, nil
	case "count":
		return w.count(ctx, run)
	case "chunks":
		return w.chunks(ctx, run, rest)
	case "large":
		return w.large(ctx, run, rest)
	case "ask":
		return task.Result{State: a2apb.TaskState_TASK_STATE_INPUT_REQUIRED, Message: &a2apb.Message{Parts: text("Which one?")}}, nil
	case "auth":
		return task.Result{State: a2apb.TaskState_TASK_STATE_AUTH_REQUIRED}, nil
	case "fail":
		return task.Result{State: a2apb.TaskState_TASK_STATE_FAILED, Message: &a2apb.Message{Parts: text(rest)}}, nil
	case "log":
		return task.Result{}, run.Update(ctx, func(tx storage.Tx) error { return run.AppendLine(tx, "info", rest) })
	case "hold":
		return w.hold(ctx, run)
	}
	return task.Result{}, nil
}

func text(s string) []*a2apb.Part {
	return []*a2apb.Part{{Content: &a2apb.Part_Text{Text: s}}}
}

// count answers with the number of messages of the context, as the counter of
// FastA2A's example does.
func (w *scripted) count(ctx context.Context, run *task.Run) (task.Result, error) {
	data, version, err := run.LoadContext(ctx)
	if err != nil {
		return task.Result{}, err
	}
	n, _ := strconv.Atoi(string(data))
	n += 2
	if _, err := run.SaveContext(ctx, []byte(strconv.Itoa(n)), version); err != nil {
		return task.Result{}, err
	}
	answer := fmt.Sprintf("Your context is %d messages long.", n)
	return task.Result{Artifacts: []*a2apb.Artifact{{ArtifactId: "answer", Parts: text(answer)}}}, nil
}

func (w *scripted) chunks(ctx context.Context, run *task.Run, count string) (task.Result, error) {
	n, err := strconv.Atoi(count)
	for i := range n {
		err = errors.Join(err, run.Artifact(ctx, &a2apb.TaskArtifactUpdateEvent{
			Artifact: &a2apb.Artifact{ArtifactId: "answer", Parts: text(strconv.Itoa(i) + ";")}, Append: i > 0, LastChunk: i == n-1,
		}))
	}
	return task.Result{}, err
}

// large writes artifacts of 256 KiB, and asks for more.
func (w *scripted) large(ctx context.Context, run *task.Run, count string) (task.Result, error) {
	n, err := strconv.Atoi(count)
	for i := range n {
		err = errors.Join(err, run.Artifact(ctx, &a2apb.TaskArtifactUpdateEvent{
			Artifact: &a2apb.Artifact{ArtifactId: strconv.Itoa(i), Parts: text(strings.Repeat("x", 256<<10))}, LastChunk: true,
		}))
	}
	return task.Result{State: a2apb.TaskState_TASK_STATE_INPUT_REQUIRED}, err
}

func (w *scripted) hold(ctx context.Context, run *task.Run) (task.Result, error) {
	w.held <- run
	select {
	case <-w.release:
		return task.Result{}, nil
	case <-ctx.Done():
		return task.Result{}, context.Cause(ctx)
	}
}

// working gives a house a task manager whose tasks w works on.
func working(t testing.TB, w task.Worker) setting { return workingWith(t, w, task.Options{}) }

func workingWith(t testing.TB, w task.Worker, opts task.Options) setting {
	return func(p *parts, _ *Options) {
		b := broker.New()
		agents := p.agents.(*testAgents)
		m, err := task.NewManager(agents.root, b, agents, opts)
		if err != nil {
			t.Fatal(err)
		}
		loop, err := worker.New(m, b, w, worker.Options{SoftStop: 1})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
		ended := make(chan error, 1)
		go func() { ended <- loop.Run(ctx) }()
		t.Cleanup(func() {
			cancel()
			if err := <-ended; err != nil {
				t.Errorf("worker loop: %v", err)
			}
			b.Close()
		})
		p.tasks, p.events = m, m.Log()
	}
}

func dev(_ *parts, o *Options) { o.Dev = true }

// pushing takes push notification configs, and does not encrypt them.
var pushing = &task.PushOptions{Secrets: unsealed{}, CheckURL: func(url string) error {
	if !strings.HasPrefix(url, "https://") {
		return errors.New("must begin with https://")
	}
	return nil
}, MaxConfigs: 2}

type unsealed struct{}

func (unsealed) Seal(plain, _ []byte) []byte           { return plain }
func (unsealed) Open(sealed, _ []byte) ([]byte, error) { return sealed, nil }
