package docs_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"image"
	"image/color"
	"image/png"
	"slices"
	"strings"
	"sync"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/carrelhq/carrel/task"
)

// scripted is a worker that does what the message says.
type scripted struct {
	// steps lets a run take its next step.
	steps chan struct{}
	mu    sync.Mutex
	// tasks, contexts and messages are those of all runs, in order.
	tasks, contexts, messages []string
}

// ran returns the tasks and the contexts of all runs.
func (w *scripted) ran() (tasks, contexts []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.tasks), slices.Clone(w.contexts)
}

func (w *scripted) heard() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.messages)
}

// Work obeys the first word of the message.
func (w *scripted) Work(ctx context.Context, run *task.Run) (task.Result, error) {
	w.mu.Lock()
	said := run.Message.GetParts()[0].GetText()
	w.tasks, w.contexts, w.messages = append(w.tasks, run.TaskID), append(w.contexts, run.ContextID), append(w.messages, said)
	w.mu.Unlock()
	word, rest, _ := strings.Cut(said, " ")
	switch word {
	case "pieces":
		return task.Result{}, w.pieces(ctx, run, strings.Fields(rest), "")
	case "markdown":
		return task.Result{}, w.pieces(ctx, run, strings.SplitAfter(rest, "\n\n"), "text/markdown")
	case "ask":
		return task.Result{State: a2apb.TaskState_TASK_STATE_INPUT_REQUIRED, Message: &a2apb.Message{Parts: []*a2apb.Part{text("Which edition?")}}}, nil
	case "hold":
		return task.Result{}, w.step(ctx)
	case "fail":
		return task.Result{State: a2apb.TaskState_TASK_STATE_FAILED, Message: &a2apb.Message{Parts: []*a2apb.Part{text(rest)}}}, nil
	case "made":
		return task.Result{Artifacts: []*a2apb.Artifact{{ArtifactId: "made", Name: "What was found", Description: "A cover, the book, and its record.", Parts: made()}}}, nil
	case "large":
		return task.Result{Artifacts: []*a2apb.Artifact{{Parts: []*a2apb.Part{file("poster.png", "image/png", append(cover(), make([]byte, task.MaxInline)...)), file("moby.txt", "text/html", bytes.Repeat([]byte("whale "), 20_000))}}}}, nil
	case "hostile":
		return hostile(rest), nil
	}
	return task.Result{Artifacts: []*a2apb.Artifact{{ArtifactId: "a", Parts: []*a2apb.Part{text(word + " " + rest)}}}}, nil
}

// pieces makes an artifact of one piece after another, when told to.
func (w *scripted) pieces(ctx context.Context, run *task.Run, list []string, mediaType string) error {
	for i, piece := range list {
		part := text(piece)
		part.MediaType = mediaType
		err := run.Artifact(ctx, &a2apb.TaskArtifactUpdateEvent{Artifact: &a2apb.Artifact{ArtifactId: "a", Name: "The book", Parts: []*a2apb.Part{part}}, Append: i > 0})
		if err == nil && mediaType == "" {
			err = w.step(ctx)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (w *scripted) step(ctx context.Context) error {
	select {
	case <-w.steps:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func text(s string) *a2apb.Part { return &a2apb.Part{Content: &a2apb.Part_Text{Text: s}} }

func file(name, mediaType string, content []byte) *a2apb.Part {
	return &a2apb.Part{Filename: name, MediaType: mediaType, Content: &a2apb.Part_Raw{Raw: content}}
}

func data(value any) *a2apb.Part {
	v, err := structpb.NewValue(value)
	if err != nil {
		panic(err) // a mistake in the test
	}
	return &a2apb.Part{Content: &a2apb.Part_Data{Data: v}}
}

func made() []*a2apb.Part {
	record := data(map[string]any{"title": "Moby-Dick", "year": 1851, "tags": []any{"whale", "sea"}})
	return []*a2apb.Part{file("cover.png", "image/png", cover()), file("moby dick.epub", "application/epub+zip", bytes.Repeat([]byte("whale "), 700)), record}
}

// cover is a picture of 240 × 120 pixels.
func cover() []byte {
	img := image.NewRGBA(image.Rect(0, 0, 240, 120))
	for x := range 240 {
		for y := range 120 {
			img.Set(x, y, color.RGBA{uint8(x), uint8(2 * y), 140, 255})
		}
	}
	var out bytes.Buffer
	if err := png.Encode(&out, img); err != nil {
		panic(err) // into memory
	}
	return out.Bytes()
}

// attack is markup that would say so were it ever to run.
const attack = `<img src=x onerror="hacked=1"><script>hacked=1</script><svg onload="hacked=1"><iframe srcdoc="<script>top.hacked=1</script>"></iframe>`

// hostile sends attacks wherever an agent can say something.
func hostile(how string) task.Result {
	markdown := text(attack + "\n\n[click](javascript:hacked=1) [click](JaVaScRiPt:hacked=1) [click](data:text/html;base64," +
		base64.StdEncoding.EncodeToString([]byte("<script>hacked=1</script>")) + ") ![x](https://tracker.example/pixel.png) <javascript:hacked=1> [a [b](https://ok.example/x) c](https://no.example/)\n\n```\n" + attack + "\n```\n\n| " + attack + " |\n|-|\n| x |")
	markdown.MediaType = "text/markdown"
	svg := []byte(`<svg xmlns="http://www.w3.org/2000/svg" onload="hacked=1"><script>hacked=1</script></svg>`)
	parts := []*a2apb.Part{
		text(attack), markdown, file(attack, "image/png", cover()), file("../../\u202egnp.exe\x00", "text/html", []byte(attack)),
		file("x.svg", "image/svg+xml", svg), file("y.png", "image/png; x=\"><script>", svg), data(map[string]any{attack: attack}),
		{Filename: attack, Content: &a2apb.Part_Url{Url: "javascript:hacked=1"}}, {Filename: "far", Content: &a2apb.Part_Url{Url: "https://tracker.example/pixel.png"}, MediaType: "image/png"},
	}
	return task.Result{
		State: a2apb.TaskState_TASK_STATE_FAILED, Message: &a2apb.Message{Parts: []*a2apb.Part{text(attack + how)}},
		Artifacts: []*a2apb.Artifact{{ArtifactId: attack[:40], Name: attack, Description: attack, Parts: parts}},
	}
}
