package task_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"

	"github.com/carrelhq/carrel/broker"
	"github.com/carrelhq/carrel/storage/storagetest"
	"github.com/carrelhq/carrel/task"
)

// streamed is what a follower, who knows events only, has of a task's artifacts.
func streamed(events []task.Event) string {
	got := &a2apb.Task{}
	for _, e := range events {
		u := e.Body.GetArtifactUpdate()
		if u == nil {
			continue
		}
		at := -1
		for i, a := range got.Artifacts {
			if a.ArtifactId == u.Artifact.ArtifactId {
				at = i
			}
		}
		switch {
		case at < 0:
			got.Artifacts = append(got.Artifacts, artifact(u.Artifact.ArtifactId, texts(u.Artifact.Parts)))
		case u.Append:
			got.Artifacts[at].Parts = append(got.Artifacts[at].Parts, u.Artifact.Parts...)
		default:
			got.Artifacts[at].Parts = u.Artifact.Parts
		}
	}
	return artifacts(got)
}

// loseAndClaim ends an attempt that came to nothing and begins the next one.
func (h *house) loseAndClaim(run *task.Run) *task.Run {
	h.t.Helper()
	retryIn, err := h.Lose(h.t.Context(), run, errors.New("lost"))
	if err != nil {
		h.t.Fatal(err)
	}
	time.Sleep(retryIn)
	if err := h.broker.Enqueue(h.t.Context(), broker.Job{Tenant: bot.Tenant, TaskID: run.TaskID}); err != nil {
		h.t.Fatal(err)
	}
	return h.claim()
}

// TestARetryOfALaterRunBeginsWhereTheRunBegan has a second run stream, get lost,
// and stream again, onto what the first run left. Followers and GetTask agree.
func TestARetryOfALaterRunBeginsWhereTheRunBegan(t *testing.T) {
	t.Parallel()
	big := strings.Repeat("b", 200<<10)
	for name, test := range map[string]struct {
		before []string // what the first run emits of "a"
		lost   string   // the artifact that the lost attempts stream to
		replay bool     // the first chunk of an attempt replaces
		want   string
	}{
		"an artifact of its own":          {nil, "a", false, "a=y"},
		"one that the first run made":     {[]string{"1"}, "a", false, "a=1y"},
		"one that is replaced":            {[]string{"1"}, "a", true, "a=y"},
		"one that was not touched":        {[]string{"1"}, "b", false, "a=1y b=xx"},
		"one larger than a chunk may be":  {[]string{big, big, "3"}, "a", false, "a=" + big + big + "3y"},
		"one of which chunks stand alone": {[]string{"1", "2"}, "a", false, "a=12y"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				h := newHouse(t, storagetest.Memory(), task.Options{})
				a := h.send("one", "")
				run := h.claim()
				emit(t, run, "a", false, test.before...)
				h.finish(run, task.Result{State: inputRequired})
				h.reply("two", a.TaskID)
				run = h.claim()
				for range 2 {
					emit(t, run, test.lost, !test.replay, "x", "x")
					run = h.loseAndClaim(run)
				}
				emit(t, run, "a", !test.replay, "y")
				h.finish(run, task.Result{})
				events := h.follow(a.TaskID, 0)
				if got := streamed(events); got != test.want {
					t.Errorf("a follower has %.100q, want %.100q", got, test.want)
				}
				if got, want := artifacts(h.get(a.TaskID)), strings.TrimSuffix(test.want, " b=xx"); got != want {
					t.Errorf("GetTask has %.100q, want %.100q", got, want)
				}
			})
		})
	}
}

// emit streams an artifact; appends is how its first chunk goes out.
func emit(t *testing.T, run *task.Run, id string, appends bool, texts ...string) {
	t.Helper()
	for i, text := range texts {
		if err := run.Artifact(t.Context(), chunk(id, text, appends || i > 0)); err != nil {
			t.Fatal(err)
		}
	}
}

// TestARetryThatCannotBeginWhereItsRunBeganFails has no room to emit again what the first run made.
func TestARetryThatCannotBeginWhereItsRunBeganFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, storagetest.Memory(), task.Options{MaxLog: 1 << 20})
		a := h.send("one", "")
		run := h.claim()
		for range 3 {
			emit(t, run, "a", true, strings.Repeat("x", 200<<10))
		}
		h.finish(run, task.Result{State: inputRequired})
		h.reply("two", a.TaskID)
		run = h.claim()
		emit(t, run, "a", true, "y")
		retryIn, err := h.Lose(t.Context(), run, errors.New("lost"))
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(retryIn)
		if run, err := h.Claim(t.Context(), broker.Job{Tenant: bot.Tenant, TaskID: a.TaskID}); run != nil || err != nil {
			t.Fatalf("got %v, %v", run, err)
		}
		if got := h.get(a.TaskID); got.Status.State != failed || !strings.Contains(texts(got.Status.Message.GetParts()), "written too much") {
			t.Errorf("got %v", got.Status)
		}
	})
}
