package docs_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"flag"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/carrelhq/carrel"
	"github.com/carrelhq/carrel/abi"
	"github.com/carrelhq/carrel/agent"
	"github.com/carrelhq/carrel/internal/chromium"
	"github.com/carrelhq/carrel/task"
)

var shots = flag.String("shots", "", "the folder that gets pictures of the page")

// house is a server with an agent that does what it is told, and a tab.
type house struct {
	t        *testing.T
	url      string
	operator string
	via      *road
	w        *scripted
	page     *chromium.Page
}

// base is where the agent is.
const base = "/agents/default/librarian"

var librarian = abi.Description{
	Name: "Librarian", Version: "2.1.0", DocumentationURL: "https://docs.example.com/librarian",
	Description: "Finds books, reads them to you in pieces, and asks when it is not sure which one you mean.",
	OutputModes: []string{"text/plain", "text/markdown", "image/png", "application/json"},
	Skills: []abi.Skill{
		{ID: "read", Name: "Read aloud", Description: "Reads a book, a piece at a time.", Tags: []string{"books", "streaming"}, Examples: []string{"pieces one two three", "it's \"quoted\" & \\ done"}},
		{ID: "find", Name: "Find a book", Description: "Finds a book by what you remember of it.", Tags: []string{"search"}, Examples: []string{"ask which edition"}},
	},
}

func newHouse(t *testing.T, change func(*carrel.Options)) *house {
	t.Helper()
	browser := chromium.Start(t)
	h := &house{t: t, w: &scripted{steps: make(chan struct{})}}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	opts := carrel.Options{
		DataDir: t.TempDir(), Listener: l, Dev: true, Worker: h.w, OnOperatorToken: func(token string) { h.operator = token },
		Agents: []carrel.AgentSpec{{Name: "librarian", Description: librarian, Visibility: agent.CardOnly}},
	}
	if change != nil {
		change(&opts)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	s, err := carrel.New(ctx, opts)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	h.via = newRoad(t, l.Addr().String())
	h.url = "http://" + h.via.Addr().String()
	h.page = browser.Open(h.url+base, 1280, 860)
	t.Cleanup(h.check)
	return h
}

// check looks at the page when the test is over: nothing came from elsewhere, and
// nothing was tried that the policy forbids.
func (h *house) check() {
	for _, loaded := range h.page.Requests() {
		u, err := url.Parse(loaded)
		if err != nil || u.Scheme != "blob" && u.Scheme+"://"+u.Host != h.url {
			h.t.Errorf("the page loaded %s", loaded)
		}
	}
	for _, fault := range h.page.Faults() {
		h.t.Errorf("the page: %s", fault)
	}
}

// say sends a message.
func (h *house) say(text string) {
	h.t.Helper()
	h.page.Wait(`!document.querySelector("#send").hidden`)
	var said int
	h.page.Eval(`document.querySelectorAll(".mine").length`, &said)
	h.page.Click("#message")
	h.page.Type(text)
	h.page.Press("Enter")
	h.page.Wait(fmt.Sprintf(`document.querySelectorAll(".mine").length > %d`, said))
}

// ask sends a message and waits until the turn is over in a state.
func (h *house) ask(text, state string) {
	h.t.Helper()
	h.say(text)
	h.over(state)
}

func (h *house) over(state string) {
	h.t.Helper()
	h.page.Wait(last + `.getAttribute("aria-busy") === "false" && ` + last + `.dataset.state === "` + state + `"`)
}

// last is the agent's last turn; see that of it which a selector matches.
const last = `[...document.querySelectorAll(".theirs")].at(-1)`

func (h *house) see(selector, want string) {
	h.t.Helper()
	h.page.Wait(last + `.querySelector("` + selector + `")`)
	var got string
	h.page.Eval(last+`.querySelector("`+selector+`").innerText`, &got)
	if strings.TrimSpace(got) != want {
		h.t.Errorf("%s: got %q, want %q", selector, got, want)
	}
}

// shoot keeps a picture of the page for people to look at.
func (h *house) shoot(name string) {
	h.t.Helper()
	if *shots == "" {
		return
	}
	if err := os.WriteFile(filepath.Join(*shots, name+".png"), h.page.Screenshot(), 0o600); err != nil {
		h.t.Fatal(err)
	}
}

// scripted is a worker that does what the message says.
type scripted struct {
	// steps lets a run take its next step.
	steps chan struct{}
	mu    sync.Mutex
	// asked are the tasks of all runs, in order.
	asked []string
}

func (w *scripted) tasks() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]string(nil), w.asked...)
}

// Work obeys the first word of the message.
func (w *scripted) Work(ctx context.Context, run *task.Run) (task.Result, error) {
	w.mu.Lock()
	w.asked = append(w.asked, run.TaskID)
	w.mu.Unlock()
	word, rest, _ := strings.Cut(run.Message.GetParts()[0].GetText(), " ")
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

// road leads connections to the server until it is cut.
type road struct {
	net.Listener
	to string

	mu     sync.Mutex
	closed bool
	open   []net.Conn
}

func newRoad(t *testing.T, to string) *road {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &road{Listener: l, to: to}
	ended := make(chan struct{})
	go func() { defer close(ended); r.serve() }()
	t.Cleanup(func() { l.Close(); r.cut(); <-ended })
	return r
}

func (r *road) serve() {
	var copies sync.WaitGroup
	defer copies.Wait()
	for {
		near, err := r.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		far, dialed := net.Dial("tcp", r.to)
		if err != nil || dialed != nil || !r.keep(near, far) {
			continue
		}
		for _, pair := range [][2]net.Conn{{near, far}, {far, near}} {
			copies.Go(func() { defer pair[0].Close(); io.Copy(pair[0], pair[1]) })
		}
	}
}

func (r *road) keep(conns ...net.Conn) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range conns {
		if r.closed {
			c.Close()
		}
	}
	r.open = append(r.open, conns...)
	return !r.closed
}

// cut breaks all connections, and new ones until it is mended.
func (r *road) cut() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	for _, c := range r.open {
		c.Close()
	}
	r.open = nil
}

func (r *road) mend() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = false
}
