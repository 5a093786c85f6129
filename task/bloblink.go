package task

import (
	"slices"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"
	"google.golang.org/protobuf/proto"
)

// Link makes the URL at which a client finds the blob that a part stands for.
type Link func(ref BlobRef, part *a2apb.Part) string

// Task returns t with links in place of references; t itself where it has none. t
// and what it holds is not changed.
func (l Link) Task(t *a2apb.Task) *a2apb.Task {
	status, history, artifacts := l.status(t.GetStatus()), each(t.GetHistory(), l.Message), each(t.GetArtifacts(), l.artifact)
	if status == t.GetStatus() && same(history, t.GetHistory()) && same(artifacts, t.GetArtifacts()) {
		return t
	}
	return &a2apb.Task{
		Id: t.Id, ContextId: t.ContextId, Status: status, Artifacts: artifacts, History: history, Metadata: t.Metadata,
	}
}

// Message is Task for a message.
func (l Link) Message(m *a2apb.Message) *a2apb.Message {
	parts := each(m.GetParts(), l.part)
	if same(parts, m.GetParts()) {
		return m
	}
	out := shallow(m)
	out.Parts = parts
	return out
}

// Response is Task for an event.
func (l Link) Response(r *a2apb.StreamResponse) *a2apb.StreamResponse {
	switch p := r.GetPayload().(type) {
	case *a2apb.StreamResponse_Task:
		if t := l.Task(p.Task); t != p.Task {
			return &a2apb.StreamResponse{Payload: &a2apb.StreamResponse_Task{Task: t}}
		}
	case *a2apb.StreamResponse_Message:
		if m := l.Message(p.Message); m != p.Message {
			return messageEvent(m)
		}
	case *a2apb.StreamResponse_StatusUpdate:
		u := p.StatusUpdate
		if s := l.status(u.GetStatus()); s != u.GetStatus() {
			return &a2apb.StreamResponse{Payload: &a2apb.StreamResponse_StatusUpdate{StatusUpdate: &a2apb.TaskStatusUpdateEvent{
				TaskId: u.TaskId, ContextId: u.ContextId, Status: s, Metadata: u.Metadata,
			}}}
		}
	case *a2apb.StreamResponse_ArtifactUpdate:
		u := p.ArtifactUpdate
		if a := l.artifact(u.GetArtifact()); a != u.GetArtifact() {
			return &a2apb.StreamResponse{Payload: &a2apb.StreamResponse_ArtifactUpdate{ArtifactUpdate: &a2apb.TaskArtifactUpdateEvent{
				TaskId: u.TaskId, ContextId: u.ContextId, Artifact: a, Append: u.Append, LastChunk: u.LastChunk, Metadata: u.Metadata,
			}}}
		}
	}
	return r
}

// Event is Task for an event as it is followed. One that has links is encoded anew
// for each follower, as they need not see the same.
func (l Link) Event(e Event) Event {
	if body := l.Response(e.Body); body != e.Body {
		e.Body, e.wire = body, nil
	}
	return e
}

// Answer is Task for what a SendMessage is answered with.
func (l Link) Answer(r *a2apb.SendMessageResponse) *a2apb.SendMessageResponse {
	switch p := r.GetPayload().(type) {
	case *a2apb.SendMessageResponse_Task:
		if t := l.Task(p.Task); t != p.Task {
			return taskAnswer(t)
		}
	case *a2apb.SendMessageResponse_Message:
		if m := l.Message(p.Message); m != p.Message {
			return messageAnswer(m)
		}
	}
	return r
}

func (l Link) status(s *a2apb.TaskStatus) *a2apb.TaskStatus {
	m := l.Message(s.GetMessage())
	if m == s.GetMessage() {
		return s
	}
	return &a2apb.TaskStatus{State: s.State, Message: m, Timestamp: s.Timestamp}
}

func (l Link) artifact(a *a2apb.Artifact) *a2apb.Artifact {
	parts := each(a.GetParts(), l.part)
	if same(parts, a.GetParts()) {
		return a
	}
	return withParts(a, parts)
}

func withParts(a *a2apb.Artifact, parts []*a2apb.Part) *a2apb.Artifact {
	return &a2apb.Artifact{
		ArtifactId: a.ArtifactId, Name: a.Name, Description: a.Description, Parts: parts, Metadata: a.Metadata, Extensions: a.Extensions,
	}
}

func (l Link) part(p *a2apb.Part) *a2apb.Part {
	ref, ok := blobOf(p)
	if !ok {
		return p
	}
	return withURL(p, l(ref, p))
}

// each applies fn to a list, which is returned as it is where nothing changes.
func each[M interface {
	comparable
	proto.Message
}](list []M, fn func(M) M) []M {
	out := list
	for i, m := range list {
		n := fn(m)
		if n == m {
			continue
		}
		if same(out, list) {
			out = slices.Clone(list)
		}
		out[i] = n
	}
	return out
}

// same reports whether the lists are one.
func same[M any](a, b []M) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0])
}
