package task_test

import (
	"errors"
	"strings"
	"testing"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"

	"github.com/carrelhq/carrel/storage/storagetest"
	"github.com/carrelhq/carrel/task"
)

func TestATaskThatWritesTooMuchFails(t *testing.T) {
	t.Parallel()
	h := newHouse(t, storagetest.Memory(), task.Options{MaxLog: 1 << 20})
	a := h.send("hi", "")
	run := h.claim()
	var err error
	written := 0
	for err == nil {
		err = run.Artifact(t.Context(), chunk("a", strings.Repeat("x", 100<<10), written > 0))
		written++
	}
	if !errors.Is(err, task.ErrLogFull) || written != 11 {
		t.Errorf("after %d chunks: got %v", written, err)
	}
	if err := run.Status(t.Context(), said(strings.Repeat("x", 100<<10))); !errors.Is(err, task.ErrLogFull) {
		t.Errorf("a status: got %v", err)
	}
	h.finish(run, task.Result{Artifacts: []*a2apb.Artifact{artifact("b", strings.Repeat("x", 100<<10))}})
	got := h.get(a.TaskID)
	if got.Status.State != failed || !strings.Contains(texts(got.Status.Message.GetParts()), "1048576 bytes") {
		t.Errorf("got %v", got.Status)
	}
}

func TestAConversationThatIsTooLongEnds(t *testing.T) {
	t.Parallel()
	h := newHouse(t, storagetest.Memory(), task.Options{MaxLog: 256 << 10})
	a := h.send(strings.Repeat("x", 200<<10), "")
	h.finish(h.claim(), task.Result{State: inputRequired})
	h.reply(strings.Repeat("x", 200<<10), a.TaskID)
	h.finish(h.claim(), task.Result{State: inputRequired})
	msg := message("more")
	msg.TaskId = a.TaskID
	if _, err := h.Send(t.Context(), bot, &a2apb.SendMessageRequest{Message: msg}); !errors.Is(err, task.ErrUnsupportedOperation) {
		t.Errorf("got %v", err)
	}
}

// TestAPageOfLargeTasksIsShort reads tasks of 3 MB in pages that may read 8 MiB.
func TestAPageOfLargeTasksIsShort(t *testing.T) {
	t.Parallel()
	h := memoryHouse(t)
	for range 5 {
		h.send("hi", "")
		run := h.claim()
		for i := range 10 {
			if err := run.Artifact(t.Context(), chunk("a", strings.Repeat("x", 300<<10), i > 0)); err != nil {
				t.Fatal(err)
			}
		}
		h.finish(run, task.Result{})
	}
	none := int32(0)
	for _, test := range []struct {
		name string
		req  *a2apb.ListTasksRequest
		want string
	}{
		{"with all that was said", &a2apb.ListTasksRequest{}, "2 2 1"},
		{"without history", &a2apb.ListTasksRequest{HistoryLength: &none}, "5"},
	} {
		got, seen := []string{}, map[string]bool{}
		for {
			page, err := h.List(t.Context(), bot, "", test.req)
			if err != nil {
				t.Fatal(err)
			}
			for _, task := range page.Tasks {
				seen[task.Id] = true
			}
			got = append(got, string('0'+rune(len(page.Tasks))))
			if test.req.PageToken = page.NextPageToken; page.NextPageToken == "" || page.TotalSize != 5 {
				break
			}
		}
		if s := strings.Join(got, " "); s != test.want || len(seen) != 5 {
			t.Errorf("%s: pages of %s with %d tasks", test.name, s, len(seen))
		}
	}
}

// TestAPageAsksForRoomForAllThatItReads: before each task, once, with those before it.
func TestAPageAsksForRoomForAllThatItReads(t *testing.T) {
	t.Parallel()
	h := memoryHouse(t)
	for range 3 {
		h.send(strings.Repeat("x", 10<<10), "")
	}
	list := func(room uint64) (asked []uint64, err error) {
		_, err = h.List(task.WithRoom(t.Context(), func(bytes uint64) bool {
			asked = append(asked, bytes)
			return bytes <= room
		}), bot, "", &a2apb.ListTasksRequest{})
		return asked, err
	}
	asked, err := list(1 << 20)
	if err != nil || len(asked) != 3 || asked[0] < 10<<10 || asked[1] < asked[0]+(10<<10) || asked[2] < asked[1]+(10<<10) {
		t.Fatalf("asked for %d, %v", asked, err)
	}
	if again, err := list(asked[2] - 1); !errors.Is(err, task.ErrNoRoom) || len(again) != 3 {
		t.Errorf("asked for %d, %v", again, err)
	}
}
