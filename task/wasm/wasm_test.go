package wasm_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"

	"github.com/carrelhq/carrel/abi"
	"github.com/carrelhq/carrel/agent"
	"github.com/carrelhq/carrel/broker"
	"github.com/carrelhq/carrel/runtime"
	"github.com/carrelhq/carrel/storage/storagetest"
	"github.com/carrelhq/carrel/task"
	"github.com/carrelhq/carrel/task/wasm"
	"github.com/carrelhq/carrel/task/worker"
)

var conformance = task.Ref{Tenant: "acme", Agent: "conformance"}

// house serves the conformance agent of the Go SDK, in sandboxes.
type house struct {
	*task.Manager
	t *testing.T
}

func newHouse(t *testing.T) *house {
	t.Helper()
	return serveGuest(t, "../../guests/go/conformance")
}

// serveGuest builds a guest and serves it by the name of the conformance agent.
func serveGuest(t *testing.T, dir string) *house {
	t.Helper()
	module, err := os.Open(buildGuest(t, dir))
	if err != nil {
		t.Fatal(err)
	}
	defer module.Close()
	return serve(t, module)
}

// serve serves a module by the name of the conformance agent.
func serve(t *testing.T, module io.Reader) *house {
	t.Helper()
	db, b := storagetest.Memory(), broker.New()
	// The race detector makes the engine's compiler forty times slower.
	engine, err := runtime.NewEngine(runtime.Options{InspectTimeout: 10 * time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	agents, err := agent.NewRegistry(db, engine, agent.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := agents.Push(t.Context(), conformance.Tenant, conformance.Agent, module, agent.PushOptions{}); err != nil {
		t.Fatal(err)
	}
	m, err := task.NewManager(db, b, agents, task.Options{})
	if err != nil {
		t.Fatal(err)
	}
	w, err := wasm.New(engine, agents, wasm.Options{})
	if err != nil {
		t.Fatal(err)
	}
	loop, err := worker.New(m, b, w, worker.Options{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 1)
	go func() { done <- loop.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if err := engine.Close(); err != nil {
			t.Error(err)
		}
	})
	return &house{m, t}
}

func buildGuest(t *testing.T, dir string) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), "guest.wasm")
	cmd := exec.Command("go", "build", "-buildmode=c-shared", "-ldflags", "-s -w", "-o", out, ".")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm")
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", cmd, err, text)
	}
	return out
}

// say sends a command and returns the task when it has ended or waits.
func (h *house) say(text string, ids ...string) *a2apb.Task {
	h.t.Helper()
	msg := &a2apb.Message{MessageId: "m", Role: a2apb.Role_ROLE_USER, Parts: []*a2apb.Part{{Content: &a2apb.Part_Text{Text: text}}}}
	if len(ids) > 0 {
		msg.ContextId = ids[0]
	}
	if len(ids) > 1 {
		msg.TaskId = ids[1]
	}
	got, err := h.SendAndAwait(h.t.Context(), conformance, task.Once{}, &a2apb.SendMessageRequest{Message: msg})
	if err != nil {
		h.t.Fatalf("%q: %v", text, err)
	}
	return got.GetTask()
}

// outcome is a task as one line: its state, its status message and its artifacts.
func outcome(t *a2apb.Task) string {
	out := []string{strings.ToLower(strings.TrimPrefix(t.Status.State.String(), "TASK_STATE_"))}
	if msg := t.Status.Message; msg != nil {
		out = append(out, texts(msg.Parts))
	}
	for _, a := range t.Artifacts {
		out = append(out, texts(a.Parts))
	}
	return strings.Join(out, ": ")
}

func texts(parts []*a2apb.Part) string {
	var out strings.Builder
	for _, p := range parts {
		out.WriteString(p.GetText())
	}
	return out.String()
}

// TestTheConformanceAgent runs the commands of the conformance agent and holds
// what comes of each.
func TestTheConformanceAgent(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for _, c := range []struct{ say, want string }{
		{"hello", "completed: hello"},
		{"stream 5", "completed: 0 1 2 3 4 "},
		{"task given", `completed: given: 1 artifacts, the first is "given"`},
		{"auth", "auth_required: Please log in."},
		{"fail now", "failed: failed as told: now"},
		{"reject", "rejected: I do not do that."},
		{"large", "completed: invalid: artifact is larger than 327680 bytes; emit it in chunks"},
		{"sleep", "completed: 1h0m0s"},
	} {
		if got := outcome(h.say(c.say)); got != c.want {
			t.Errorf("%s: got %q, want %q", c.say, got, c.want)
		}
	}
	for say, want := range map[string]string{
		"panic oops": "failed: panic: oops (main.go:",
		"exit":       "failed: The agent failed: the agent broke the rules: it exited with code 3",
		"trap":       "failed: The agent failed: ",
		"grow":       "failed: The agent failed: ",
	} {
		if got := outcome(h.say(say)); !strings.HasPrefix(got, want) {
			t.Errorf("%s: got %q, want %q…", say, got, want)
		}
	}
	h.contexts()
	h.turns()
	h.lines()
	h.randoms()
	h.canceled()
	h.files()
}

// files: a guest reads a large file in pieces, and gives it back unread, and another.
func (h *house) files() {
	content := bytes.Repeat([]byte("0123456789"), 70_000)
	msg := &a2apb.Message{MessageId: "m", Role: a2apb.Role_ROLE_USER, Parts: []*a2apb.Part{
		{Content: &a2apb.Part_Text{Text: "file"}}, {Content: &a2apb.Part_Raw{Raw: content}, Filename: "digits"},
	}}
	answer, err := h.SendAndAwait(h.t.Context(), conformance, task.Once{}, &a2apb.SendMessageRequest{Message: msg})
	if err != nil {
		h.t.Fatal(err)
	}
	got := answer.GetTask()
	want := fmt.Sprintf("completed: : 700000 bytes, %x; another: not_found: the url is of no part that this run may read", sha256.Sum256(content))
	if outcome(got) != want {
		h.t.Fatalf("got %q, want %q", outcome(got), want)
	}
	for i, want := range [][]byte{content, bytes.Repeat([]byte("made "), 60_000)} {
		part := got.Artifacts[0].Parts[i]
		ref, ok := task.ParseBlobRef(part.GetUrl())
		blob, err := h.Blob(h.t.Context(), conformance.Tenant, ref)
		if !ok || err != nil || blob.Size != int64(len(want)) || ref.Digest != sha256.Sum256(want) || part.Filename == "" {
			h.t.Errorf("part %d is %v: %v", i, part, err)
		}
	}
}

// echo is an Extism plug-in whose output is its input: the message that came is
// the message of its reply.
const echo = "\x00asm\x01\x00\x00\x00" +
	"\x01\x0e\x03\x60\x00\x01\x7e\x60\x02\x7e\x7e\x00\x60\x00\x01\x7f" + // types: () -> i64, (i64, i64) -> (), () -> i32
	"\x02\x5c\x03" + // imports
	"\x0fextism:host/env\x0cinput_offset\x00\x00" +
	"\x0fextism:host/env\x0cinput_length\x00\x00" +
	"\x0fextism:host/env\x0aoutput_set\x00\x01" +
	"\x03\x02\x01\x02" + // one function, of the third type
	"\x05\x03\x01\x00\x01" + // a memory of one page
	"\x07\x07\x01\x03run\x00\x03" + // it is exported as run
	"\x0a\x0c\x01\x0a\x00\x10\x00\x10\x01\x10\x02\x41\x00\x0b" // output_set(input_offset(), input_length()); 0

func TestAnExtismPlugin(t *testing.T) {
	t.Parallel()
	h := serve(t, strings.NewReader(echo))
	for range 2 {
		if got := outcome(h.say("hello")); got != "completed: hello" {
			t.Errorf("got %q", got)
		}
	}
}

func (h *house) contexts() {
	for _, want := range []string{`completed: "", then "one", a stale save: conflict`, `completed: "one", then "two", a stale save: conflict`} {
		text := strings.Split(want, `"`)[3]
		if got := outcome(h.say("context "+text, "ctx")); !strings.HasPrefix(got, want) {
			h.t.Errorf("got %q, want %q…", got, want)
		}
	}
	if got := outcome(h.say("history", "ctx")); got != "completed: context one | context two | history" {
		h.t.Errorf("history: got %q", got)
	}
}

func (h *house) turns() {
	asked := h.say("input")
	if got := outcome(asked); got != "input_required: What is your name?" {
		h.t.Errorf("got %q", got)
	}
	if got := outcome(h.say("Ada", "", asked.Id)); got != "completed: run 2: Ada" {
		h.t.Errorf("got %q", got)
	}
}

func (h *house) lines() {
	var got []string
	for l, err := range h.Lines(h.t.Context(), conformance, h.say("print hey").Id, 0, true) {
		if err != nil {
			h.t.Fatal(err)
		}
		got = append(got, l.Level+" "+l.Message)
	}
	if strings.Join(got, ", ") != "info out: hey, warn err: hey" {
		h.t.Errorf("lines: got %q", got)
	}
}

// randoms: two runs of one module must not draw alike.
func (h *house) randoms() {
	if one, two := outcome(h.say("random")), outcome(h.say("random")); strings.Fields(one)[1] == strings.Fields(two)[1] {
		h.t.Errorf("two runs drew %q and %q", one, two)
	}
}

func (h *house) canceled() {
	msg := &a2apb.Message{MessageId: "m", Role: a2apb.Role_ROLE_USER, Parts: []*a2apb.Part{{Content: &a2apb.Part_Text{Text: "spin"}}}}
	a, err := h.Send(h.t.Context(), conformance, &a2apb.SendMessageRequest{Message: msg})
	if err != nil {
		h.t.Fatal(err)
	}
	for e, err := range h.Log().Follow(h.t.Context(), conformance, a.TaskID, 1) {
		if err != nil {
			h.t.Fatal(err)
		}
		if e.State == a2apb.TaskState_TASK_STATE_WORKING {
			if _, err := h.Cancel(h.t.Context(), conformance, a.TaskID); err != nil {
				h.t.Error(err)
			}
		}
	}
}

// TestLargePartsAreTheSameToHostAndStore: the ABI tells guests what the store does.
func TestLargePartsAreTheSameToHostAndStore(t *testing.T) {
	t.Parallel()
	if abi.BlobScheme != task.BlobScheme || abi.MaxInline != task.MaxInline {
		t.Errorf("guests are told %s from %d bytes on, the store has %s from %d", abi.BlobScheme, abi.MaxInline, task.BlobScheme, task.MaxInline)
	}
}
