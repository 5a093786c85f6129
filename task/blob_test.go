package task_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"
	"google.golang.org/protobuf/proto"

	"github.com/carrelhq/carrel/storage"
	"github.com/carrelhq/carrel/storage/storagetest"
	"github.com/carrelhq/carrel/task"
)

// file is a part of so many bytes, all of them fill.
func file(size int, fill byte) *a2apb.Part {
	return &a2apb.Part{Content: &a2apb.Part_Raw{Raw: bytes.Repeat([]byte{fill}, size)}, Filename: "a.bin"}
}

const largeFile = task.MaxInline + 1

func withFiles(text string, files ...*a2apb.Part) *a2apb.Message {
	msg := message(text)
	msg.Parts = append(msg.Parts, files...)
	return msg
}

// refOf is the reference to a file in a task.
func refOf(id string, p *a2apb.Part) task.BlobRef {
	return task.BlobRef{TaskID: id, Digest: sha256.Sum256(p.GetRaw())}
}

func (h *house) read(ref task.BlobRef, offset int64) ([]byte, error) {
	blob, err := h.Blob(h.t.Context(), bot.Tenant, ref)
	if err != nil {
		return nil, err
	}
	r, err := blob.Open(h.t.Context(), offset)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

// blobKeys counts the records of blobs, those of their bytes included.
func (h *house) blobKeys() (n int) {
	h.t.Helper()
	for key := range dump(h.t, h.db) {
		if strings.Contains(key, "blob") {
			n++
		}
	}
	return n
}

func TestALargePartIsStoredOnceAndReferredTo(t *testing.T) {
	t.Parallel()
	h := memoryHouse(t)
	large, small := file(largeFile, 1), file(task.MaxInline, 2)
	sent := withFiles("hi", large, small, large)
	before := proto.CloneOf(sent)
	a := h.sendMessage(sent)
	if !proto.Equal(sent, before) {
		t.Error("the message was changed")
	}
	run := h.claim()
	ref := refOf(a.TaskID, large)
	for i, want := range []string{"", ref.String(), "", ref.String()} {
		if got := run.Message.Parts[i]; got.GetUrl() != want || i > 0 && got.Filename != "a.bin" {
			t.Errorf("part %d of the run is %.200v, want %q", i, got, want)
		}
	}
	if err := run.Status(t.Context(), &a2apb.Message{Parts: []*a2apb.Part{large}}); err != nil {
		t.Fatal(err)
	}
	if err := run.Artifact(t.Context(), &a2apb.TaskArtifactUpdateEvent{Artifact: &a2apb.Artifact{ArtifactId: "a", Parts: run.Message.Parts}}); err != nil {
		t.Fatal(err)
	}
	h.finish(run, task.Result{Message: &a2apb.Message{Parts: []*a2apb.Part{large}}, Artifacts: []*a2apb.Artifact{{Parts: []*a2apb.Part{large}}}})
	got := h.get(a.TaskID)
	for name, part := range map[string]*a2apb.Part{
		"history": got.History[0].Parts[1], "progress": got.History[1].Parts[0], "status": got.Status.Message.Parts[0],
		"artifact": got.Artifacts[0].Parts[1], "result": got.Artifacts[1].Parts[0],
	} {
		if part.GetUrl() != ref.String() {
			t.Errorf("%s: got %.200v", name, part)
		}
	}
	if n := h.blobKeys(); n != 2 { // a manifest and a chunk
		t.Errorf("%d records of blobs, want 2", n)
	}
	for _, offset := range []int64{0, 1000, largeFile} {
		if got, err := h.read(ref, offset); err != nil || !bytes.Equal(got, large.GetRaw()[offset:]) {
			t.Errorf("from %d: %d bytes, %v", offset, len(got), err)
		}
	}
}

func TestBlobsOfAMessageThatIsRefusedAreCleared(t *testing.T) {
	t.Parallel()
	h := newHouse(t, storagetest.Memory(), task.Options{MaxQueued: 1})
	open := h.send("hi", "")
	send := func(msg *a2apb.Message, want error) {
		t.Helper()
		if _, err := h.Send(t.Context(), bot, &a2apb.SendMessageRequest{Message: msg}); !errors.Is(err, want) {
			t.Errorf("got %v, want %v", err, want)
		}
		if n := h.blobKeys(); n != 0 {
			t.Errorf("%d records of blobs are left", n)
		}
	}
	send(withFiles("one too many", file(300<<10, 1)), task.ErrBusy)
	msg := withFiles("to another context", file(300<<10, 1))
	msg.TaskId, msg.ContextId = open.TaskID, "other"
	send(msg, task.ErrInvalidParams)
	msg.ContextId = ""
	h.finish(h.claim(), task.Result{})
	send(msg, task.ErrUnsupportedOperation)
	msg.TaskId = "unknown"
	send(msg, task.ErrTaskNotFound)
}

func TestReferencesAreNotMadeUp(t *testing.T) {
	t.Parallel()
	h := memoryHouse(t)
	other := h.sendMessage(withFiles("another's", file(largeFile, 1)))
	h.finish(h.claim(), task.Result{})
	foreign := refOf(other.TaskID, file(largeFile, 1)).String()
	for _, url := range []string{foreign, task.BlobScheme + "x"} {
		if _, err := h.Send(t.Context(), bot, &a2apb.SendMessageRequest{Message: withFiles("hi", link(url))}); !errors.Is(err, task.ErrInvalidParams) {
			t.Errorf("%s from a client: got %v", url, err)
		}
	}
	a := h.send("hi", "")
	run := h.claim()
	for _, url := range []string{foreign, task.BlobScheme + "x", refOf(a.TaskID, file(largeFile, 1)).String()} {
		if err := run.Artifact(t.Context(), &a2apb.TaskArtifactUpdateEvent{Artifact: &a2apb.Artifact{Parts: []*a2apb.Part{link(url)}}}); !errors.Is(err, task.ErrInvalidParams) {
			t.Errorf("%s from an agent: got %v", url, err)
		}
	}
	if _, _, err := run.ReadBlob(t.Context(), foreign, 0, 1); !errors.Is(err, task.ErrTaskNotFound) {
		t.Errorf("a blob of another context: got %v", err)
	}
	h.finish(run, task.Result{Artifacts: []*a2apb.Artifact{{Parts: []*a2apb.Part{link(foreign)}}}})
	h.wantState(a.TaskID, failed)
}

func link(url string) *a2apb.Part { return &a2apb.Part{Content: &a2apb.Part_Url{Url: url}} }

func TestARunReadsTheFilesOfItsContext(t *testing.T) {
	t.Parallel()
	h := memoryHouse(t)
	large := file(300<<10, 1)
	first := withFiles("look", large)
	first.ContextId = "ctx"
	h.sendMessage(first)
	h.finish(h.claim(), task.Result{})
	h.send("what was it?", "ctx")
	run := h.claim()
	said, err := run.History(t.Context(), 10)
	if err != nil {
		t.Fatal(err)
	}
	data, size, err := run.ReadBlob(t.Context(), said[0].Parts[1].GetUrl(), 299<<10, 2<<10)
	if err != nil || size != 300<<10 || !bytes.Equal(data, large.GetRaw()[299<<10:]) {
		t.Errorf("got %d bytes of %d, %v", len(data), size, err)
	}
}

func TestFilesCountAmongTheBytesOfATask(t *testing.T) {
	t.Parallel()
	h := newHouse(t, storagetest.Memory(), task.Options{MaxLog: 1 << 20})
	if _, err := h.Send(t.Context(), bot, &a2apb.SendMessageRequest{Message: withFiles("hi", file(1<<20, 1), file(largeFile, 2))}); !errors.Is(err, task.ErrInvalidParams) {
		t.Errorf("a message larger than a task may be: got %v", err)
	}
	a := h.sendMessage(withFiles("hi", file(800<<10, 1)))
	run := h.claim()
	emit := func(p *a2apb.Part) error {
		return run.Artifact(t.Context(), &a2apb.TaskArtifactUpdateEvent{Artifact: &a2apb.Artifact{Parts: []*a2apb.Part{p}}})
	}
	if err := emit(file(200<<10, 2)); err != nil {
		t.Fatal(err)
	}
	for range 20 {
		if err := emit(file(200<<10, 2)); err != nil {
			t.Fatalf("what is there already: %v", err)
		}
	}
	if err := emit(file(200<<10, 3)); !errors.Is(err, task.ErrLogFull) {
		t.Errorf("what is too much: got %v", err)
	}
	h.finish(run, task.Result{State: inputRequired})
	msg := withFiles("more", file(200<<10, 4))
	msg.TaskId = a.TaskID
	if _, err := h.Send(t.Context(), bot, &a2apb.SendMessageRequest{Message: msg}); !errors.Is(err, task.ErrUnsupportedOperation) {
		t.Errorf("a message that is too much: got %v", err)
	}
}

func TestAKeyThatIsUsedAgainStoresNoFileAgain(t *testing.T) {
	t.Parallel()
	h := memoryHouse(t)
	once := task.Once{Caller: "somebody", Key: "key"}
	req := &a2apb.SendMessageRequest{Message: withFiles("hi", file(largeFile, 1))}
	first := h.sendOnce(once, req)
	n := h.blobKeys()
	if again := h.sendOnce(once, req); !again.Repeated || again.TaskID != first.TaskID || h.blobKeys() != n {
		t.Errorf("got %+v and %d records after %+v and %d", again, h.blobKeys(), first, n)
	}
	req.Message.Parts[1] = file(largeFile, 2)
	if _, err := h.SendOnce(t.Context(), bot, once, req); !errors.Is(err, task.ErrKeyReused) {
		t.Errorf("the same key with another file: got %v", err)
	}
}

func TestADeletedTaskLeavesNoBlob(t *testing.T) {
	t.Parallel()
	h := memoryHouse(t)
	a := h.sendMessage(withFiles("hi", file(600<<10, 1)))
	run := h.claim()
	h.finish(run, task.Result{Artifacts: []*a2apb.Artifact{{Parts: []*a2apb.Part{file(largeFile, 2)}}}})
	if err := h.Delete(t.Context(), bot, a.TaskID); err != nil {
		t.Fatal(err)
	}
	if n := h.blobKeys(); n != 0 {
		t.Errorf("%d records are left", n)
	}
	if _, err := h.read(refOf(a.TaskID, file(largeFile, 2)), 0); !errors.Is(err, task.ErrTaskNotFound) {
		t.Errorf("got %v", err)
	}
}

// TestACrashLeavesNoBlobForEver dies at every update of sending a file and of
// removing it.
func TestACrashLeavesNoBlobForEver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db := &doomed{DB: storagetest.Memory()}
		db.left.Store(1 << 30)
		h := newHouse(t, lateDoom{db}, task.Options{})
		for dies := int64(1); ; dies++ {
			db.left.Store(dies)
			a, err := h.Send(t.Context(), bot, &a2apb.SendMessageRequest{Message: withFiles("hi", file(600<<10, byte(dies)))})
			if err == nil {
				_, err = h.Cancel(t.Context(), bot, a.TaskID)
			}
			if err == nil {
				err = h.Delete(t.Context(), bot, a.TaskID)
			}
			db.left.Store(1 << 30)
			if err != nil && !errors.Is(err, errDead) {
				t.Fatal(err)
			}
			h.removeAll()
			time.Sleep(2 * time.Hour)
			if err := h.SweepBlobs(t.Context()); err != nil {
				t.Fatal(err)
			}
			if n := h.blobKeys(); n != 0 {
				t.Errorf("after %d updates: %d records are left", dies, n)
			}
			if err == nil {
				return
			}
		}
	})
}

// removeAll cancels and deletes what tasks there are.
func (h *house) removeAll() {
	h.t.Helper()
	list, err := h.List(h.t.Context(), bot, "", &a2apb.ListTasksRequest{})
	if err != nil {
		h.t.Fatal(err)
	}
	for _, found := range list.Tasks {
		if _, err := h.Cancel(h.t.Context(), bot, found.Id); err != nil && !errors.Is(err, task.ErrTaskNotCancelable) {
			h.t.Fatal(err)
		}
		if err := h.Delete(h.t.Context(), bot, found.Id); err != nil {
			h.t.Fatal(err)
		}
	}
	if err := h.ClearDeleted(h.t.Context()); err != nil {
		h.t.Fatal(err)
	}
}

// lateDoom counts updates that do not wait, too.
type lateDoom struct{ *doomed }

func (d lateDoom) UpdateLater(ctx context.Context, fn func(storage.Tx) error) (func() error, error) {
	if d.left.Add(-1) < 0 {
		return nil, errDead
	}
	return d.DB.UpdateLater(ctx, fn)
}

func TestASweepSparesWhatIsBeingWritten(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := memoryHouse(t)
		h.send("hi", "")
		run := h.claim()
		parts, err := run.Stage(t.Context(), []*a2apb.Part{file(largeFile, 1)})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour - time.Second)
		if err := h.SweepBlobs(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := run.Artifact(t.Context(), &a2apb.TaskArtifactUpdateEvent{Artifact: &a2apb.Artifact{Parts: parts}}); err != nil {
			t.Error(err)
		}
	})
}

func TestLinksTakeThePlaceOfReferences(t *testing.T) {
	t.Parallel()
	h := memoryHouse(t)
	a := h.sendMessage(withFiles("hi", file(largeFile, 1)))
	run := h.claim()
	if err := run.Artifact(t.Context(), chunk("a", "text", false)); err != nil {
		t.Fatal(err)
	}
	h.finish(run, task.Result{Message: &a2apb.Message{Parts: []*a2apb.Part{file(largeFile, 1)}}, Artifacts: []*a2apb.Artifact{{Parts: []*a2apb.Part{file(largeFile, 1)}}}})
	links := task.Link(func(ref task.BlobRef, p *a2apb.Part) string { return "https://here/" + p.Filename })
	t.Run("in a task", func(t *testing.T) {
		got := h.get(a.TaskID)
		before := proto.CloneOf(got)
		linked := links.Task(got)
		if !proto.Equal(got, before) {
			t.Error("the task was changed")
		}
		if text := fmt.Sprint(linked); strings.Contains(text, task.BlobScheme) || strings.Count(text, "https://here/a.bin") != 3 {
			t.Errorf("got %s", text)
		}
		if links.Task(linked) != linked {
			t.Error("a task without references is copied")
		}
	})
	t.Run("in events", func(t *testing.T) {
		linked := 0
		for _, e := range h.follow(a.TaskID, 0) {
			got := links.Response(e.Body)
			if strings.Contains(fmt.Sprint(got), task.BlobScheme) {
				t.Errorf("got %v", got)
			}
			if got != e.Body {
				linked++
			}
		}
		if linked != 3 {
			t.Errorf("%d events were linked, want 3", linked)
		}
	})
}

func FuzzBlobRef(f *testing.F) {
	f.Add(refOf("task", file(1, 1)).String())
	f.Add("carrel-blob:/")
	f.Add("carrel-blob:a/b/" + strings.Repeat("0", 64))
	f.Fuzz(func(t *testing.T, url string) {
		ref, ok := task.ParseBlobRef(url)
		if ok && ref.String() != url {
			t.Errorf("%q is read as %q", url, ref)
		}
		if !ok && ref != (task.BlobRef{}) {
			t.Errorf("%q is refused and read as %v", url, ref)
		}
	})
}
