package task_test

import (
	"errors"
	"strings"
	"testing"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"
	"google.golang.org/protobuf/proto"

	"github.com/carrelhq/carrel/task"
)

// encoder counts how often it encodes.
type encoder struct {
	calls  int
	passes bool // what it returns does not last
}

func (e *encoder) encode(t *a2apb.Task) ([]byte, bool, error) {
	e.calls++
	body, err := proto.MarshalOptions{Deterministic: true}.Marshal(t)
	return body, !e.passes, err
}

// TestATaskIsEncodedAnewWhenItHasChanged and not as long as it has not.
func TestATaskIsEncodedAnewWhenItHasChanged(t *testing.T) {
	t.Parallel()
	h := memoryHouse(t)
	a := h.send("go", "")
	var run *task.Run
	for _, step := range []struct {
		name string
		do   func()
	}{
		{"it is new", func() {}},
		{"it was claimed and has a chunk", func() {
			run = h.claim()
			if err := run.Artifact(t.Context(), chunk("a", "1", false)); err != nil {
				t.Fatal(err)
			}
		}},
		{"it has another", func() {
			if err := run.Artifact(t.Context(), chunk("a", "2", true)); err != nil {
				t.Fatal(err)
			}
		}},
		{"it was sent a message", func() { h.reply("and this", a.TaskID) }},
		{"it is finished", func() { h.finish(run, task.Result{Artifacts: []*a2apb.Artifact{artifact("b", "3")}}) }},
	} {
		step.do()
		var e encoder
		for _, length := range []*int32{nil, proto.Int32(0), nil, proto.Int32(0)} {
			got, err := h.Encoded(t.Context(), bot, a.TaskID, length, "proto", e.encode)
			if err != nil {
				t.Fatal(err)
			}
			want, err := h.Get(t.Context(), bot, a.TaskID, length)
			if err != nil {
				t.Fatal(err)
			}
			have := &a2apb.Task{}
			if err := proto.Unmarshal(got, have); err != nil || !proto.Equal(have, want) {
				t.Errorf("%s: got %v, %v, want %v", step.name, have, err, want)
			}
		}
		if e.calls != 2 {
			t.Errorf("%s: encoded %d times, want once for each length of history", step.name, e.calls)
		}
	}
}

// TestAnEncodedTaskIsShownToNobodyElse has others ask for one that was read already.
func TestAnEncodedTaskIsShownToNobodyElse(t *testing.T) {
	t.Parallel()
	h := memoryHouse(t)
	a := h.send("go", "")
	h.finish(h.claim(), task.Result{})
	var e encoder
	ask := func(ref task.Ref) error {
		_, err := h.Encoded(t.Context(), ref, a.TaskID, nil, "proto", e.encode)
		return err
	}
	if err := ask(bot); err != nil {
		t.Fatal(err)
	}
	for _, ref := range []task.Ref{{Tenant: bot.Tenant, Agent: "other"}, {Tenant: "other", Agent: bot.Agent}} {
		if err := ask(ref); !errors.Is(err, task.ErrTaskNotFound) {
			t.Errorf("%v: got %v", ref, err)
		}
	}
	if err := h.Delete(t.Context(), bot, a.TaskID); err != nil {
		t.Fatal(err)
	}
	if err := ask(bot); !errors.Is(err, task.ErrTaskNotFound) || e.calls != 1 {
		t.Errorf("after it was deleted: got %v after %d encodings", err, e.calls)
	}
}

// TestWhatDoesNotLastIsNotKept as links expire.
func TestWhatDoesNotLastIsNotKept(t *testing.T) {
	t.Parallel()
	h := memoryHouse(t)
	a := h.send("go", "")
	e := encoder{passes: true}
	for range 2 {
		if _, err := h.Encoded(t.Context(), bot, a.TaskID, nil, "proto", e.encode); err != nil {
			t.Fatal(err)
		}
	}
	if e.calls != 2 {
		t.Errorf("encoded %d times, want 2", e.calls)
	}
}

// TestALargeTaskIsNotKept as few of them would take all the room.
func TestALargeTaskIsNotKept(t *testing.T) {
	t.Parallel()
	h := memoryHouse(t)
	a := h.send(strings.Repeat("x", 70<<10), "")
	var e encoder
	for range 2 {
		if _, err := h.Encoded(t.Context(), bot, a.TaskID, nil, "proto", e.encode); err != nil {
			t.Fatal(err)
		}
	}
	if e.calls != 2 {
		t.Errorf("encoded %d times, want 2", e.calls)
	}
	failed := errors.New("no form")
	if _, err := h.Encoded(t.Context(), bot, a.TaskID, nil, "none", func(*a2apb.Task) ([]byte, bool, error) { return nil, true, failed }); !errors.Is(err, failed) {
		t.Errorf("got %v, want what encode returned", err)
	}
	if _, err := h.Encoded(t.Context(), bot, a.TaskID, proto.Int32(-1), "proto", e.encode); !errors.Is(err, task.ErrInvalidParams) {
		t.Errorf("a negative length: got %v", err)
	}
}
