package task

import (
	"fmt"
	"math"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"
	"google.golang.org/protobuf/proto"

	"github.com/carrelhq/carrel/storage"
)

// selection says which parts of a task are wanted.
type selection struct {
	history   int // at most that many messages, the most recent
	artifacts bool
}

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

// fold reads the task's log and makes the task of it: the history is what the
// user and the agent said, in order; artifacts are put together of their chunks.
// What lost attempts left behind does not count.
func fold(tx storage.Tx, id string, h *head, want selection) (*a2apb.Task, error) {
	status, err := h.taskStatus()
	if err != nil {
		return nil, err
	}
	t := &a2apb.Task{Id: id, ContextId: h.contextID, Status: status}
	records, err := readRecords(tx, id)
	if err != nil {
		return nil, err
	}
	f := folding{task: t, artifacts: map[string]*a2apb.Artifact{}}
	valid := lastAttempts(records)
	for _, r := range records {
		if r.attempt != 0 && r.attempt != valid[r.run] {
			continue
		}
		if err := f.add(r); err != nil {
			return nil, err
		}
	}
	t.History = t.History[max(0, len(t.History)-want.history):]
	if !want.artifacts {
		t.Artifacts = nil
	}
	return t, nil
}

func readRecords(tx storage.Tx, id string) (records []*record, err error) {
	for item, err := range tx.Scan(eventsKey(id), nil) {
		if err != nil {
			return nil, err
		}
		r, err := decodeRecord(item)
		if err != nil {
			return nil, err
		}
		records = append(records, r)
	}
	return records, nil
}

// lastAttempts returns, per run, the attempt that counts: the last one, since
// every attempt begins with an event of its own.
func lastAttempts(records []*record) map[int]int {
	last := map[int]int{}
	for _, r := range records {
		last[r.run] = max(last[r.run], r.attempt)
	}
	return last
}

// folding is a task that takes shape event by event.
type folding struct {
	task      *a2apb.Task
	artifacts map[string]*a2apb.Artifact
	said      *a2apb.Message // the status message so far; history has those before it
}

func (f *folding) add(r *record) error {
	if len(r.message) > 0 {
		msg := &a2apb.Message{}
		if err := proto.Unmarshal(r.message, msg); err != nil {
			return fmt.Errorf("task: event %d: %w", r.seq, err)
		}
		f.say(nil)
		f.task.History = append(f.task.History, msg)
		return nil
	}
	body := &a2apb.StreamResponse{}
	if err := proto.Unmarshal(r.body, body); err != nil {
		return fmt.Errorf("task: event %d: %w", r.seq, err)
	}
	switch p := body.Payload.(type) {
	case *a2apb.StreamResponse_Task:
		f.task.History = append(f.task.History, p.Task.History...)
		f.task.Metadata = p.Task.Metadata
	case *a2apb.StreamResponse_StatusUpdate:
		f.say(p.StatusUpdate.Status.GetMessage())
	case *a2apb.StreamResponse_ArtifactUpdate:
		f.chunk(p.ArtifactUpdate)
	}
	return nil
}

// say makes msg the status message and moves the one before it into the history.
func (f *folding) say(msg *a2apb.Message) {
	if f.said != nil {
		f.task.History = append(f.task.History, f.said)
	}
	f.said = msg
}

func (f *folding) chunk(u *a2apb.TaskArtifactUpdateEvent) {
	have := f.artifacts[u.Artifact.ArtifactId]
	switch {
	case have == nil:
		f.artifacts[u.Artifact.ArtifactId] = u.Artifact
		f.task.Artifacts = append(f.task.Artifacts, u.Artifact)
	case u.Append:
		have.Parts = append(have.Parts, u.Artifact.Parts...)
	default:
		proto.Reset(have)
		proto.Merge(have, u.Artifact)
	}
}
