package agent_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/carrelhq/carrel/guests/go/agent"
	"github.com/carrelhq/carrel/guests/go/agent/agenttest"
)

func send(t *testing.T, h *agenttest.Host, text string) agenttest.Result {
	t.Helper()
	r, err := h.Send(text)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestHowARunEnds(t *testing.T) {
	for name, c := range map[string]struct {
		handler         agent.Handler
		state, contains string
	}{
		"nil completes":      {func(context.Context, *agent.Task) error { return nil }, "completed", ""},
		"an error fails":     {func(context.Context, *agent.Task) error { return errors.New("no luck") }, "failed", "no luck"},
		"a question waits":   {func(context.Context, *agent.Task) error { return agent.NeedInput("which?") }, "input_required", "which?"},
		"a wish for keys":    {func(context.Context, *agent.Task) error { return agent.NeedAuth("log in") }, "auth_required", "log in"},
		"a refusal rejects":  {func(context.Context, *agent.Task) error { return agent.Reject("not my job") }, "rejected", "not my job"},
		"a panic fails":      {func(context.Context, *agent.Task) error { panic("oops") }, "failed", "panic: oops (agent_test.go:"},
		"a nil map, as well": {func(context.Context, *agent.Task) error { var m map[string]int; m["a"] = 1; return nil }, "failed", "(agent_test.go:"},
	} {
		agent.Handle(c.handler)
		if r := send(t, agenttest.New(), "hi"); r.State != c.state || !strings.Contains(r.Message, c.contains) {
			t.Errorf("%s: got %+v, want %s with %q", name, r, c.state, c.contains)
		}
	}
}

func TestAFunctionFromTextToTextIsAnAgent(t *testing.T) {
	agent.HandleText(func(_ context.Context, text string) (string, error) { return strings.ToUpper(text), nil })
	if r := send(t, agenttest.New(), "hi"); r.State != "completed" || r.Output != "HI" {
		t.Errorf("got %+v", r)
	}
}

func TestOutputProgressAndLog(t *testing.T) {
	agent.Handle(func(_ context.Context, task *agent.Task) error {
		task.Logf("got %q", task.Text())
		if err := task.Status("half way"); err != nil {
			return err
		}
		out := task.Stream("out", "Output")
		for _, word := range strings.Fields(task.Text()) {
			if _, err := out.WriteString(word); err != nil {
				return err
			}
		}
		return out.Close()
	})
	r := send(t, agenttest.New(), "a b c")
	if r.Output != "abc" || len(r.Progress) != 1 || r.Progress[0] != "half way" || len(r.Log) != 1 {
		t.Errorf("got %+v", r)
	}
}

// TestEachChunkOfAStreamIsARequestOfItsOwn reads what a stream asks the host for.
func TestEachChunkOfAStreamIsARequestOfItsOwn(t *testing.T) {
	type request struct {
		Artifact struct {
			ArtifactID, Name string
			Parts            []struct{ Text string }
		}
		Append, LastChunk bool
	}
	var got []request
	agent.Host = func(name string, text []byte) []byte {
		var r request
		if err := json.Unmarshal(text, &r); err != nil || name != "task_artifact" {
			t.Errorf("%s(%s): %v", name, text, err)
		}
		got = append(got, r)
		return []byte(`{"ok":{}}`)
	}
	defer func() { agent.Host = nil }()
	const id, name = `i"text":""`, `n "text":"" \`
	texts := []string{"first", "", `"quoted" \ "text":""`, "línea\n", "\x00\x1f", "語", "\xff!"}
	want := []string{"first", `"quoted" \ "text":""`, "línea\n", "\x00\x1f", "語", "\uFFFD!", ""}
	for how, write := range map[string]func(*agent.Stream, string) (int, error){
		"WriteString": (*agent.Stream).WriteString,
		"Write":       func(out *agent.Stream, text string) (int, error) { return out.Write([]byte(text)) },
		"Fprint":      func(out *agent.Stream, text string) (int, error) { return fmt.Fprint(out, text) },
	} {
		got = nil
		out := new(agent.Task).Stream(id, name)
		for _, text := range texts {
			if n, err := write(out, text); n != len(text) || err != nil {
				t.Errorf("%s: wrote %d bytes of %q, %v", how, n, text, err)
			}
		}
		if err := out.Close(); err != nil {
			t.Error(err)
		}
		if len(got) != len(want) {
			t.Fatalf("%s: %d requests, want %d: %+v", how, len(got), len(want), got)
		}
		for i, r := range got {
			if r.Artifact.ArtifactID != id || r.Artifact.Name != name || len(r.Artifact.Parts) != 1 || r.Artifact.Parts[0].Text != want[i] ||
				r.Append != (i > 0) || r.LastChunk != (i == len(want)-1) {
				t.Errorf("%s: request %d is %+v, want %q", how, i, r, want[i])
			}
		}
	}
}

// TestOnlyTheEndOfAStreamIsItsLastChunk writes after the end, and after a refusal.
func TestOnlyTheEndOfAStreamIsItsLastChunk(t *testing.T) {
	var last []bool
	refuse := true
	agent.Host = func(_ string, text []byte) []byte {
		if refuse {
			return []byte(`{"error":{"code":"invalid","message":"no"}}`)
		}
		last = append(last, strings.Contains(string(text), `"lastChunk":true`))
		return []byte(`{"ok":{}}`)
	}
	defer func() { agent.Host = nil }()
	out := new(agent.Task).Stream("id", "")
	for range 2 {
		if _, err := out.WriteString("refused"); !agent.IsCode(err, "invalid") {
			t.Errorf("got %v, want the host's refusal", err)
		}
	}
	refuse = false
	for _, send := range []func() error{out.Close, func() error { _, err := out.WriteString("late"); return err }, out.Close} {
		if err := send(); err != nil {
			t.Error(err)
		}
	}
	if !slices.Equal(last, []bool{true, false, true}) {
		t.Errorf("lastChunk of the requests: %v", last)
	}
}

func TestContextLastsFromTaskToTask(t *testing.T) {
	agent.Handle(func(_ context.Context, task *agent.Task) error {
		return agent.Update(task, func(n *int) error { *n += 2; return nil })
	})
	h := agenttest.New()
	send(t, h, "one")
	send(t, h, "two")
	agent.Handle(func(_ context.Context, task *agent.Task) error {
		c, err := agent.Load[int](task)
		if err != nil || c.Value != 4 {
			t.Errorf("got %+v, %v", c, err)
		}
		if err := c.Save(); err != nil {
			t.Error(err)
		}
		stale := &agent.Context[int]{}
		if err := stale.Save(); !agent.IsCode(err, "conflict") {
			t.Errorf("a stale save: got %v, want a conflict", err)
		}
		messages, err := task.History(2)
		if err != nil || len(messages) != 2 || messages[1].Text() != "three" {
			t.Errorf("history: got %+v, %v", messages, err)
		}
		return nil
	})
	send(t, h, "three")
}

func TestACharacterThatIsWrittenInTwoHalvesArrivesWhole(t *testing.T) {
	agent.Handle(func(_ context.Context, task *agent.Task) error {
		out := task.Stream("text", "")
		for _, b := range []byte("naïve 語 🙂!") {
			if n, err := out.Write([]byte{b}); n != 1 || err != nil {
				t.Errorf("a write of one byte: %d, %v", n, err)
			}
		}
		return out.Close()
	})
	if r := send(t, agenttest.New(), "hi"); r.Output != "naïve 語 🙂!" {
		t.Errorf("got %q", r.Output)
	}
}
