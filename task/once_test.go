package task_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/carrelhq/carrel/storage"
	"github.com/carrelhq/carrel/storage/storagetest"
	"github.com/carrelhq/carrel/task"
	"github.com/carrelhq/carrel/task/worker"
)

var key = task.Once{Caller: "ann", Key: "k-1"}

func asking(text string) *a2apb.SendMessageRequest {
	return &a2apb.SendMessageRequest{Message: message(text)}
}

func (h *house) sendOnce(once task.Once, req *a2apb.SendMessageRequest) task.Accepted {
	h.t.Helper()
	a, err := h.SendOnce(h.t.Context(), bot, once, req)
	if err != nil {
		h.t.Fatal(err)
	}
	return a
}

// count is how many tasks the agent has.
func (h *house) count() int {
	h.t.Helper()
	page, err := h.List(h.t.Context(), bot, "", &a2apb.ListTasksRequest{})
	if err != nil {
		h.t.Fatal(err)
	}
	return int(page.TotalSize)
}

func TestAMessageUnderOneKeyIsAcceptedOnce(t *testing.T) {
	t.Parallel()
	h := memoryHouse(t)
	first := h.sendOnce(key, asking("hi"))
	if first.Repeated {
		t.Error("the first is said to be a repetition")
	}
	h.finish(h.claim(), task.Result{})
	again := h.sendOnce(key, asking("hi"))
	if !again.Repeated || again.TaskID != first.TaskID || again.ContextID != first.ContextID || again.Seq != 1 {
		t.Errorf("got %+v, want %+v again", again, first)
	}
	for name, once := range map[string]task.Once{
		"another caller": {Caller: "bob", Key: key.Key}, "another key": {Caller: "ann", Key: "k-2"}, "no key": {Caller: "ann"},
	} {
		if a := h.sendOnce(once, asking("hi")); a.Repeated || a.TaskID == first.TaskID {
			t.Errorf("%s: got %+v", name, a)
		}
	}
	other := task.Ref{Tenant: bot.Tenant, Agent: "other"}
	if a, err := h.SendOnce(t.Context(), other, key, asking("hi")); err != nil || a.Repeated {
		t.Errorf("another agent: got %+v, %v", a, err)
	}
	if n := h.count(); n != 4 {
		t.Errorf("there are %d tasks, want 4", n)
	}
}

func TestTheIDOfAMessageMergesNothing(t *testing.T) {
	t.Parallel()
	h := memoryHouse(t)
	a, b := h.send("hi", ""), h.send("hi", "") // both have the id "m"
	if a.TaskID == b.TaskID || b.Repeated {
		t.Errorf("got %+v and %+v", a, b)
	}
}

func TestAKeyIsForOneMessage(t *testing.T) {
	t.Parallel()
	h := memoryHouse(t)
	h.sendOnce(key, asking("hi"))
	change := func(f func(*a2apb.SendMessageRequest)) *a2apb.SendMessageRequest {
		req := asking("hi")
		req.Configuration = &a2apb.SendMessageConfiguration{}
		f(req)
		return req
	}
	for name, req := range map[string]*a2apb.SendMessageRequest{
		"another text":    asking("ho"),
		"another id":      change(func(r *a2apb.SendMessageRequest) { r.Message.MessageId = "n" }),
		"another context": change(func(r *a2apb.SendMessageRequest) { r.Message.ContextId = "c" }),
		"other modes":     change(func(r *a2apb.SendMessageRequest) { r.Configuration.AcceptedOutputModes = []string{"image/png"} }),
		"metadata": change(func(r *a2apb.SendMessageRequest) {
			r.Metadata = &structpb.Struct{Fields: map[string]*structpb.Value{"a": structpb.NewBoolValue(true)}}
		}),
	} {
		if _, err := h.SendOnce(t.Context(), bot, key, req); !errors.Is(err, task.ErrKeyReused) {
			t.Errorf("%s: got %v, want ErrKeyReused", name, err)
		}
	}
	for name, req := range map[string]*a2apb.SendMessageRequest{
		"at once":     change(func(r *a2apb.SendMessageRequest) { r.Configuration.ReturnImmediately = true }),
		"no history":  change(func(r *a2apb.SendMessageRequest) { r.Configuration.HistoryLength = proto.Int32(0) }),
		"by its name": change(func(r *a2apb.SendMessageRequest) { r.Tenant = bot.Tenant }),
	} {
		if a := h.sendOnce(key, req); !a.Repeated {
			t.Errorf("%s: got %+v, want a repetition", name, a)
		}
	}
}

func TestKeysThatAreRefused(t *testing.T) {
	t.Parallel()
	h := memoryHouse(t)
	for _, bad := range []string{strings.Repeat("k", 256), "a b", "a\n", "\x00", "clé"} {
		var field *task.FieldError
		if _, err := h.SendOnce(t.Context(), bot, task.Once{Key: bad}, asking("hi")); !errors.As(err, &field) {
			t.Errorf("%q: got %v, want a FieldError", bad, err)
		}
	}
	h.sendOnce(task.Once{Key: strings.Repeat("k", 255)}, asking("hi"))
}

func TestManyWhoSendUnderOneKeyMakeOneTask(t *testing.T) {
	t.Parallel()
	h := memoryHouse(t)
	h.start(echo, worker.Options{})
	ids := make([]string, 64)
	var all sync.WaitGroup
	for i := range ids {
		all.Go(func() {
			if i%2 == 0 {
				ids[i] = h.sendOnce(key, asking("hi")).TaskID
				return
			}
			answer, err := h.SendAndAwait(t.Context(), bot, key, asking("hi"))
			got := answer.GetTask()
			if err != nil || got.GetStatus().GetState() != completed || artifacts(got) != "artifact-1=hi" {
				t.Errorf("got %v, %v", got, err)
			}
			ids[i] = got.GetId()
		})
	}
	all.Wait()
	for _, id := range ids {
		if id != ids[0] {
			t.Fatalf("got tasks %s and %s", ids[0], id)
		}
	}
	if n := h.count(); n != 1 {
		t.Errorf("there are %d tasks", n)
	}
}

func TestTheNextMessageOfATaskIsTakenOnce(t *testing.T) {
	t.Parallel()
	h := memoryHouse(t)
	first := h.send("hi", "")
	h.finish(h.claim(), task.Result{State: inputRequired, Message: said("which?")})
	next := asking("that")
	next.Message.TaskId = first.TaskID
	var seqs []uint64
	for range 2 {
		a := h.sendOnce(key, next)
		if seqs = append(seqs, a.Seq); a.TaskID != first.TaskID || a.ContextID != first.ContextID {
			t.Errorf("got %+v", a)
		}
	}
	h.finish(h.claim(), task.Result{})
	seqs = append(seqs, h.sendOnce(key, next).Seq) // though the task takes no more
	if seqs[0] != seqs[1] || seqs[0] != seqs[2] {
		t.Errorf("got events %v, want the same", seqs)
	}
	if got := history(h.get(first.TaskID)); got != "hi which? that" {
		t.Errorf("history is %q", got)
	}
}

func TestWhatWasAcceptedIsNotHeldToWhatChangedSince(t *testing.T) {
	t.Parallel()
	h := newHouse(t, storagetest.Memory(), task.Options{MaxQueued: 1})
	first := h.sendOnce(key, asking("hi"))
	if _, err := h.Send(t.Context(), bot, asking("ho")); !errors.Is(err, task.ErrBusy) {
		t.Fatalf("got %v, want ErrBusy", err)
	}
	if a := h.sendOnce(key, asking("hi")); a.TaskID != first.TaskID {
		t.Errorf("got %+v", a)
	}
}

func TestAKeyIsForgottenWithItsTask(t *testing.T) {
	t.Parallel()
	h := memoryHouse(t)
	first := h.sendOnce(key, asking("hi"))
	h.finish(h.claim(), task.Result{})
	if err := h.Delete(t.Context(), bot, first.TaskID); err != nil {
		t.Fatal(err)
	}
	if a := h.sendOnce(key, asking("ho")); a.Repeated {
		t.Errorf("got %+v of a deleted task", a)
	}
}

func TestAKeyIsForgottenAfterItsTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, storagetest.Memory(), task.Options{IdempotencyWindow: time.Hour})
		const many = 2500
		for i := range many {
			h.sendOnce(task.Once{Caller: "ann", Key: fmt.Sprint(i)}, asking("hi"))
		}
		time.Sleep(59 * time.Minute)
		h.forgetKeys(2 * many)
		if a := h.sendOnce(task.Once{Caller: "ann", Key: "7"}, asking("hi")); !a.Repeated {
			t.Error("a key is forgotten too early")
		}
		time.Sleep(time.Minute)
		if a := h.sendOnce(task.Once{Caller: "ann", Key: "7"}, asking("ho")); a.Repeated {
			t.Error("a key is remembered for too long")
		}
		h.forgetKeys(2) // that of the one sent anew
		time.Sleep(30 * time.Minute)
		if a := h.sendOnce(task.Once{Caller: "ann", Key: "7"}, asking("ho")); !a.Repeated {
			t.Error("a key that was used anew is forgotten with what it was used for first")
		}
	})
}

// forgetKeys has what is due forgotten, and wants that many records of keys to be left.
func (h *house) forgetKeys(want int) {
	h.t.Helper()
	if err := h.ForgetKeys(h.t.Context()); err != nil {
		h.t.Fatal(err)
	}
	got, err := task.CountKeys(h.t.Context(), h.db, bot.Tenant)
	if err != nil || got != want {
		h.t.Errorf("%d records of keys, %v, want %d", got, err, want)
	}
}

// TestARepetitionIsNotAnsweredBeforeTheDiskHasWhatItRepeats: it would promise what
// a crash takes back.
func TestARepetitionIsNotAnsweredBeforeTheDiskHasWhatItRepeats(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, disk := onSlowDisk(t)
		disk.fails = storage.ErrReadOnly
		answers := make(chan error, 2)
		for range 2 {
			go func() {
				_, err := h.SendOnce(t.Context(), bot, key, asking("hi"))
				answers <- err
			}()
		}
		synctest.Wait()
		select {
		case err := <-answers:
			t.Fatalf("answered %v before the disk was", err)
		default:
		}
		close(disk.synced)
		for range 2 {
			if err := <-answers; !errors.Is(err, storage.ErrReadOnly) {
				t.Errorf("got %v, want ErrReadOnly", err)
			}
		}
	})
}

// TestAKeyOutlivesItsProcess has a second manager on the store.
func TestAKeyOutlivesItsProcess(t *testing.T) {
	t.Parallel()
	h := memoryHouse(t)
	first := h.sendOnce(key, asking("hi"))
	next := newHouse(t, h.db, task.Options{})
	if a := next.sendOnce(key, asking("hi")); !a.Repeated || a.TaskID != first.TaskID {
		t.Errorf("got %+v", a)
	}
}
