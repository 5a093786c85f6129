package task

import (
	"context"
	"errors"
	"fmt"
	"time"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"
	"google.golang.org/protobuf/proto"

	"github.com/carrelhq/carrel/agent"
)

// An agent may answer with a bare message instead of a task. Which of the two it
// will be, nobody knows before the run has said something; so the task is hidden
// until then: it is there for its run and for whoever waits for the answer, and
// for nobody else. It is shown with its first output, for good: an artifact, a
// status message, a question, any end but the reply. A message as the run's whole
// result is the reply: it ends the task, which stays hidden, and is kept for a
// while only. A task that was shown ends with that message as its status instead.

// hides tells whether the task of a message begins hidden. Who does not want to
// wait wants a task, and so does who names a webhook, which is one of a task.
func hides(version agent.Version, req *a2apb.SendMessageRequest) bool {
	c := req.GetConfiguration()
	return version.RepliesWithMessages() && !c.GetReturnImmediately() && c.GetTaskPushNotificationConfig() == nil
}

// output tells whether an event says something: more than that the task is worked on.
func (r *record) output(body *a2apb.StreamResponse) bool {
	switch p := body.GetPayload().(type) {
	case *a2apb.StreamResponse_ArtifactUpdate:
		return true
	case *a2apb.StreamResponse_StatusUpdate:
		return r.state != working || p.StatusUpdate.GetStatus().GetMessage() != nil
	}
	return false
}

// isReply tells whether a result may be a direct reply.
func (r Result) isReply() bool {
	return r.State == completed && r.Message != nil && len(r.Artifacts) == 0
}

// reply ends a hidden task with a message, which is no message of a task.
func (e *edit) reply(msg *a2apb.Message, attempt int, keep time.Duration) error {
	msg = e.fill(msg)
	msg.TaskId = ""
	if err := enter(e.h.state, completed); err != nil {
		return err
	}
	e.h.state, e.h.changed = completed, e.now
	var err error
	if e.h.status, err = proto.Marshal(msg); err != nil {
		return err
	}
	if err := e.append(&record{attempt: attempt, state: completed}, messageEvent(msg)); err != nil {
		return err
	}
	if err := e.root.Set(replyDueKey(e.now.Add(keep), e.tenant, e.id), nil); err != nil {
		return err
	}
	return e.rest()
}

func messageEvent(msg *a2apb.Message) *a2apb.StreamResponse {
	return &a2apb.StreamResponse{Payload: &a2apb.StreamResponse_Message{Message: msg}}
}

// show shows a hidden task although it has said nothing yet.
func (e *edit) show() error {
	if !e.h.hidden || Terminal(e.h.state) {
		return nil
	}
	e.h.hidden = false
	return e.append(&record{shows: true}, nil)
}

// showLater shows the run's task once it takes longer than a reply may.
func (r *Run) showLater() {
	if r.showAt.IsZero() {
		return
	}
	r.late = time.AfterFunc(max(0, time.Until(r.showAt)), func() {
		// What goes wrong here goes wrong again, and is seen, when the run ends.
		_ = r.change(r.ctx, r.m.change, (*edit).show)
	})
}

// Answer returns what the caller of an accepted message is told who does not wait:
// the task as it is, or the message that was the direct reply. A hidden task is
// shown with that.
func (m *Manager) Answer(ctx context.Context, ref Ref, a Accepted, historyLength *int32) (*a2apb.SendMessageResponse, error) {
	want, err := selectHistory(historyLength, true)
	if err != nil {
		return nil, err
	}
	return m.answer(ctx, ref, a, want)
}

func (m *Manager) answer(ctx context.Context, ref Ref, a Accepted, want selection) (*a2apb.SendMessageResponse, error) {
	if a.Hidden {
		msg, err := m.reveal(ctx, ref, a.TaskID)
		if msg != nil || err != nil {
			return messageAnswer(msg), err
		}
	}
	t, err := m.get(ctx, ref, a.TaskID, want)
	if errors.Is(err, ErrNoRoom) {
		return nil, fmt.Errorf("%w; the message was accepted, and its task is %s", err, a.TaskID)
	}
	if err != nil {
		return nil, err
	}
	return taskAnswer(t), nil
}

// reveal shows a hidden task, or returns the reply that it has ended with.
func (m *Manager) reveal(ctx context.Context, ref Ref, id string) (reply *a2apb.Message, err error) {
	err = m.change(ctx, ref.Tenant, id, func(e *edit) error {
		reply = nil
		if e.h.agent != ref.Agent {
			return ErrTaskNotFound
		}
		if e.h.hidden && Terminal(e.h.state) {
			status, err := e.h.taskStatus()
			reply = status.GetMessage()
			return err
		}
		return e.show()
	})
	return reply, err
}

func taskAnswer(t *a2apb.Task) *a2apb.SendMessageResponse {
	return &a2apb.SendMessageResponse{Payload: &a2apb.SendMessageResponse_Task{Task: t}}
}

func messageAnswer(msg *a2apb.Message) *a2apb.SendMessageResponse {
	return &a2apb.SendMessageResponse{Payload: &a2apb.SendMessageResponse_Message{Message: msg}}
}
