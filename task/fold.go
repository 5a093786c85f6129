package task

import (
	"context"
	"math"
	"slices"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"

	"github.com/carrelhq/carrel/storage"
)

// selection says which parts of a task are wanted.
type selection struct {
	history   int // at most that many messages, the most recent
	artifacts bool
}

// first reports whether the first event has all that is wanted beside the head.
func (s selection) first() bool { return s.history == 0 && !s.artifacts }

var all = selection{history: math.MaxInt, artifacts: true}

// selectHistory makes a selection of an optional historyLength (section 3.2.4).
func selectHistory(length *int32, artifacts bool) (selection, error) {
	s := selection{history: math.MaxInt, artifacts: artifacts}
	if length != nil {
		if *length < 0 {
			return s, &FieldError{"historyLength", "must not be negative"}
		}
		s.history = int(*length)
	}
	return s, nil
}

// fold is foldLog where there is room for it. ErrNoRoom, see [WithRoom].
func fold(ctx context.Context, tx storage.Tx, id string, h *head, want selection) (*a2apb.Task, error) {
	if !want.first() {
		if err := askRoom(ctx, h.size); err != nil {
			return nil, err
		}
	}
	return foldLog(tx, id, h, want)
}

// foldLog reads the task's log and makes the task of it: the history is what the
// user and the agent said, in order; artifacts are put together of their chunks.
// What lost attempts left behind does not count.
func foldLog(tx storage.Tx, id string, h *head, want selection) (*a2apb.Task, error) {
	status, err := h.taskStatus()
	if err != nil {
		return nil, err
	}
	t := &a2apb.Task{Id: id, ContextId: h.contextID, Status: status}
	events, err := readLog(tx, id, want.first())
	if err != nil {
		return nil, err
	}
	foldInto(t, events, want)
	return t, nil
}

// foldEvents is fold of a log that is in memory, whole.
func foldEvents(events []Event, want selection) *a2apb.Task {
	first := events[0].Body.GetTask()
	t := &a2apb.Task{Id: first.GetId(), ContextId: first.GetContextId(), Status: first.GetStatus()}
	for _, e := range events {
		if u := e.Body.GetStatusUpdate(); u != nil {
			t.Status = u.Status
		}
	}
	foldInto(t, events, want)
	return t
}

// readLog reads the whole log, or its first event.
func readLog(tx storage.Tx, id string, first bool) (events []Event, err error) {
	for item, err := range tx.Scan(eventsKey(id), nil) {
		if err != nil {
			return nil, err
		}
		records, err := decodeEntry(item)
		if err != nil {
			return nil, err
		}
		for i := range records {
			e, err := records[i].event()
			if err != nil {
				return nil, err
			}
			if events = append(events, e); first {
				return events, nil
			}
		}
	}
	return events, nil
}

// foldInto puts history and artifacts together. The events are shared and not changed.
func foldInto(t *a2apb.Task, events []Event, want selection) {
	f := folding{task: t, artifacts: map[string]*a2apb.Artifact{}}
	valid := lastAttempts(events)
	for _, e := range events {
		if e.attempt == 0 || e.attempt == valid[e.run] {
			f.add(e)
		}
	}
	t.History = t.History[max(0, len(t.History)-want.history):]
	if !want.artifacts {
		t.Artifacts = nil
	}
}

// lastAttempts returns, per run, the attempt that counts: the last one, since
// every attempt begins with an event of its own.
func lastAttempts(events []Event) map[int]int {
	last := map[int]int{}
	for _, e := range events {
		last[e.run] = max(last[e.run], e.attempt)
	}
	return last
}

// folding is a task that takes shape event by event.
type folding struct {
	task      *a2apb.Task
	artifacts map[string]*a2apb.Artifact
	said      *a2apb.Message // the status message so far; history has those before it
}

func (f *folding) add(e Event) {
	if e.message != nil {
		f.say(nil)
		f.task.History = append(f.task.History, e.message)
		return
	}
	switch p := e.Body.GetPayload().(type) {
	case *a2apb.StreamResponse_Task:
		f.task.History = append(f.task.History, p.Task.History...)
		f.task.Metadata = p.Task.Metadata
	case *a2apb.StreamResponse_StatusUpdate:
		f.say(p.StatusUpdate.Status.GetMessage())
	case *a2apb.StreamResponse_ArtifactUpdate:
		f.chunk(p.ArtifactUpdate)
	}
}

// say makes msg the status message and moves the one before it into the history.
func (f *folding) say(msg *a2apb.Message) {
	if f.said != nil {
		f.task.History = append(f.task.History, f.said)
	}
	f.said = msg
}

// chunk adds to an artifact, or begins it. A record from disk may lack what every
// chunk of a run has.
func (f *folding) chunk(u *a2apb.TaskArtifactUpdateEvent) {
	a := u.GetArtifact()
	have := f.artifacts[a.GetArtifactId()]
	switch {
	case have == nil:
		have = &a2apb.Artifact{}
		f.artifacts[a.GetArtifactId()] = have
		f.task.Artifacts = append(f.task.Artifacts, have)
	case u.Append:
		have.Parts = append(have.Parts, a.GetParts()...)
		return
	}
	have.ArtifactId, have.Name, have.Description = a.GetArtifactId(), a.GetName(), a.GetDescription()
	have.Metadata, have.Extensions = a.GetMetadata(), a.GetExtensions()
	have.Parts = slices.Clone(a.GetParts())
}
