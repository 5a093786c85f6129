package task_test

import (
	"errors"
	"strings"
	"testing"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"

	"github.com/carrelhq/carrel/storage"
	"github.com/carrelhq/carrel/storage/storagetest"
	"github.com/carrelhq/carrel/task"
)

// TestWhatAResultWritesAlsoGoesBeforeIt has results that are committed in one update,
// in several, and replaced because they are not valid.
func TestWhatAResultWritesAlsoGoesBeforeIt(t *testing.T) {
	t.Parallel()
	large := strings.Repeat("x", task.MaxChunk-100)
	for _, c := range []struct {
		name   string
		result task.Result
		state  a2apb.TaskState
		ids    string
	}{
		{"a small one", task.Result{Artifacts: []*a2apb.Artifact{artifact("b", "y")}}, completed, "a b"},
		{"a large one", task.Result{Artifacts: []*a2apb.Artifact{artifact("b", large), artifact("c", large), artifact("d", large), artifact("e", large)}}, completed, "a b c d e"},
		{"a question", task.Result{State: inputRequired}, inputRequired, "a"},
		{"one that is not valid", task.Result{State: submitted}, failed, "a"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := memoryHouse(t)
			a := h.send("hi", "")
			run := h.claim()
			c.result.Also = func(tx storage.Tx) error { return run.AppendArtifact(tx, chunk("a", "x", true)) }
			h.finish(run, c.result)
			got := h.get(a.TaskID)
			var ids []string
			for _, a := range got.Artifacts {
				ids = append(ids, a.ArtifactId)
			}
			if strings.Join(ids, " ") != c.ids || got.Status.State != c.state {
				t.Errorf("got %v and %s, want %s and %s", ids, got.Status.State, c.ids, c.state)
			}
			if text := texts(got.Artifacts[0].Parts); text != "x" {
				t.Errorf("it wrote %q", text)
			}
			if err := run.AppendArtifact(nil, chunk("b", "x", false)); err == nil {
				t.Error("an artifact was appended outside the update")
			}
		})
	}
}

func TestWhatAResultWritesAlsoMayBeTooMuch(t *testing.T) {
	t.Parallel()
	h := newHouse(t, storagetest.Memory(), task.Options{MaxLog: 1 << 10})
	a := h.send("hi", "")
	run := h.claim()
	h.finish(run, task.Result{
		Artifacts: []*a2apb.Artifact{artifact("b", "y")},
		Also: func(tx storage.Tx) error {
			return run.AppendArtifact(tx, chunk("a", strings.Repeat("x", 2<<10), false))
		},
	})
	got := h.get(a.TaskID)
	if got.Status.State != failed || !strings.Contains(texts(got.Status.Message.GetParts()), "1024 bytes") || len(got.Artifacts) > 0 {
		t.Errorf("got %v", got)
	}
}

// TestWhatAResultWritesAlsoStaysWhenTheResultIsTooMuch has results that do not fit into
// the log, in one update and in several.
func TestWhatAResultWritesAlsoStaysWhenTheResultIsTooMuch(t *testing.T) {
	t.Parallel()
	large := strings.Repeat("x", task.MaxChunk-100)
	for name, artifacts := range map[string][]*a2apb.Artifact{
		"one":     {artifact("b", large)},
		"several": {artifact("b", "y"), artifact("c", large), artifact("d", large), artifact("e", large), artifact("f", large)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, storagetest.Memory(), task.Options{MaxLog: 300 << 10})
			a := h.send("hi", "")
			run := h.claim()
			h.finish(run, task.Result{
				Artifacts: artifacts,
				Also:      func(tx storage.Tx) error { return run.AppendArtifact(tx, chunk("a", "x", true)) },
			})
			got := h.get(a.TaskID)
			if got.Status.State != failed || len(got.Artifacts) == 0 || texts(got.Artifacts[0].Parts) != "x" {
				t.Errorf("got %v with %s", got.Status, artifacts)
			}
		})
	}
}

func TestAResultThatCannotWriteAlsoIsNotCommitted(t *testing.T) {
	t.Parallel()
	h := memoryHouse(t)
	a := h.send("hi", "")
	run := h.claim()
	lost := errors.New("lost")
	err := h.Finish(t.Context(), run, task.Result{Also: func(storage.Tx) error { return lost }})
	if !errors.Is(err, lost) {
		t.Errorf("got %v", err)
	}
	if got := h.get(a.TaskID); task.Terminal(got.Status.State) {
		t.Errorf("got %v", got.Status)
	}
}
