// Package agent is the SDK for carrel agents in Go.
//
// An agent is a function that carrel calls once per task run, in a WebAssembly
// sandbox of its own. It is registered when the module is initialized; main
// never runs:
//
//	func init() { agent.Handle(run) }
//
//	func run(ctx context.Context, t *agent.Task) error {
//		return t.Reply("You said: " + t.Text())
//	}
//
//	func main() {}
//
// Build it with
//
//	GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -o agent.wasm .
//
// On other platforms the package works against a host in memory, so handlers can
// be tested with go test; see the package agenttest.
package agent

import (
	"context"
	"errors"
	"fmt"
)

// Handler does the work of one run. It returns nil when the task is completed,
// [NeedInput], [NeedAuth] or [Reject] to end the run in those states, and any other
// error to fail the task with its text. A panic fails the task, too.
type Handler func(ctx context.Context, t *Task) error

var (
	handler     Handler
	description Description
)

// Handle registers the agent's handler. Call it in an init function, once.
func Handle(h Handler) { handler = h }

// HandleText makes an agent of a function from text to text: it gets the text of
// the message and its result becomes the task's artifact.
func HandleText(f func(ctx context.Context, text string) (string, error)) {
	Handle(func(ctx context.Context, t *Task) error {
		out, err := f(ctx, t.Text())
		if err != nil {
			return err
		}
		return t.Reply(out)
	})
}

// Describe says what the agent is, for its card. Call it in an init function.
func Describe(d Description) { description = d }

// RepliesWithMessages is for [Description].Replies: the agent may answer with a bare
// message instead of a task, see [Task.Answer].
const RepliesWithMessages = "message"

// outcome is an error that ends a run in a state of its own.
type outcome struct {
	state, text string
}

// Error returns what is said to the caller.
func (o *outcome) Error() string { return o.text }

// NeedInput ends the run and asks the caller; the answer starts the next run.
func NeedInput(question string) error { return &outcome{"input_required", question} }

// NeedAuth ends the run and asks the caller for credentials, out of band.
func NeedAuth(explanation string) error { return &outcome{"auth_required", explanation} }

// Reject ends the task as one that the agent does not do.
func Reject(reason string) error { return &outcome{"rejected", reason} }

// Error returns "code: message".
func (e *Error) Error() string { return e.Code + ": " + e.Message }

// IsCode reports whether err is the host's refusal with that code, for example "conflict".
func IsCode(err error, code string) bool {
	var e *Error
	return errors.As(err, &e) && e.Code == code
}

// errNoHandler is answered when nothing was registered.
var errNoHandler = &Error{"invalid", "no handler is registered: call agent.Handle in an init function"}

// work runs the handler and turns how it ends into the run's reply.
func work(t *Task) (reply runReply) {
	defer func() {
		if p := recover(); p != nil {
			reply = runReply{State: "failed", Message: agentMessage(fmt.Sprintf("panic: %v%s", p, where()))}
		}
	}()
	err := handler(context.Background(), t)
	var o *outcome
	switch {
	case err == nil:
		return runReply{State: "completed", Message: t.answer, Artifacts: t.done}
	case errors.As(err, &o):
		return runReply{State: o.state, Message: agentMessage(o.text), Artifacts: t.done}
	}
	return runReply{State: "failed", Message: agentMessage(err.Error()), Artifacts: t.done}
}
