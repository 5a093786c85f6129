package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"

	"github.com/a2aproject/a2a-go/v2/a2a"
	"github.com/spf13/cobra"
)

func newSendCommand(p program) *cobra.Command {
	var contextID, taskID, key string
	var stream bool
	cmd := &cobra.Command{
		Use:     "send AGENT TEXT",
		GroupID: groupTalk,
		Short:   "Send one message to an agent",
		Long: `Send one message to an agent and print its answer.

AGENT is the name of an agent on the server, or the URL of an agent card anywhere: of
any A2A server, of version 1.0 or 0.3, over JSON-RPC, HTTP+JSON or gRPC.
The answer's text is on standard output; the ids to go on with are on standard
error. The exit code is 1 when the task ends in any other way than completed, or
does not end: then standard error says how it is.

When the connection breaks, or the server is too busy, the message is sent again, a few
times, where the agent's card says that it takes a message once, as those of carrel
do; other agents get it once. With --idempotency-key a script can do the same: whatever
it sends under one key is one message.

A key from the environment or a data folder is shown to the server only; for a card
elsewhere give one with --token.`,
		Example: `  carrel send counter 'hello'
  carrel send counter 'hello again' --context 8b4c7c52-…
  carrel send https://agents.example.com/agents/acme/support 'hello' --stream`,
		Args: asUsed,
	}
	c := p.addClient(cmd)
	cmd.Flags().StringVar(&contextID, "context", "", "go on in the context of this `id`")
	cmd.Flags().StringVar(&taskID, "task", "", "answer the task of this `id`, which waits for input")
	cmd.Flags().StringVar(&key, "idempotency-key", "", "send the message under this `key`, and no other under it: a random UUID, where no token is given")
	cmd.Flags().BoolVar(&stream, "stream", false, "print the answer as it comes; with --json one event a line")
	cmd.RunE = c.resolved(func(ctx context.Context, args []string) error {
		agent, err := c.dial(ctx, args[0])
		if err != nil {
			return err
		}
		message := a2a.NewMessage(a2a.MessageRoleUser, a2a.NewTextPart(args[1]))
		message.ContextID, message.TaskID = contextID, a2a.TaskID(taskID)
		if err := c.once(message, key); err != nil {
			return err
		}
		req := &a2a.SendMessageRequest{Message: message}
		if stream {
			return c.follow(agent.SendStreamingMessage(ctx, req))
		}
		result, err := agent.SendMessage(ctx, req)
		if err != nil {
			return c.explain(err)
		}
		return c.answer(result)
	})
	return cmd
}

func newSubscribeCommand(p program) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "subscribe AGENT TASK",
		GroupID: groupTalk,
		Short:   "Follow a task that is not finished",
		Example: "  carrel subscribe counter 0d7f3c1e-… --json",
		Args:    asUsed,
	}
	c := p.addClient(cmd)
	cmd.RunE = c.resolved(func(ctx context.Context, args []string) error {
		agent, err := c.dial(ctx, args[0])
		if err != nil {
			return err
		}
		return c.follow(agent.SubscribeToTask(ctx, &a2a.SubscribeToTaskRequest{ID: a2a.TaskID(args[1])}))
	})
	return cmd
}

func newCancelCommand(p program) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "cancel AGENT TASK",
		GroupID: groupTalk,
		Short:   "Cancel a task",
		Args:    asUsed,
	}
	c := p.addClient(cmd)
	cmd.RunE = c.resolved(func(ctx context.Context, args []string) error {
		agent, err := c.dial(ctx, args[0])
		if err != nil {
			return err
		}
		task, err := agent.CancelTask(ctx, &a2a.CancelTaskRequest{ID: a2a.TaskID(args[1])})
		if err != nil {
			return c.explain(err)
		}
		return c.print(task, func() { fmt.Fprintf(c.stdout, "task %s is %s\n", task.ID, stateText(task.Status.State)) })
	})
	return cmd
}

// answer prints what a blocking call came back with.
func (c *client) answer(result a2a.SendMessageResult) error {
	if err := c.print(result, func() { fmt.Fprintln(c.stdout, printable(resultText(result))) }); err != nil {
		return err
	}
	task, ok := result.(*a2a.Task)
	if !ok {
		return nil
	}
	c.ids(string(task.ID), task.ContextID)
	return stateError(task.Status)
}

// ids says on standard error what to go on with; JSON has it already.
func (c *client) ids(task, context string) {
	if !*c.json {
		fmt.Fprintf(c.stderr, "task %s\ncontext %s\n", cell(task), cell(context))
	}
}

// follow prints a stream as it comes. One with nothing in it is an error.
func (c *client) follow(events iter.Seq2[a2a.Event, error]) error {
	f := streamPrinter{client: c}
	came := false
	for event, err := range events {
		came = true
		if err != nil {
			if f.task != "" {
				c.ids(f.task, f.context) // it can be followed again
			}
			return c.explain(err)
		}
		if err := f.event(event); err != nil {
			return err
		}
	}
	if !came {
		return errors.New("the server ended the stream before anything came")
	}
	if f.open {
		fmt.Fprintln(c.stdout)
	}
	if f.task != "" {
		c.ids(f.task, f.context)
	}
	return stateError(f.status)
}

// streamPrinter prints the events of one stream.
type streamPrinter struct {
	*client
	task, context string
	status        a2a.TaskStatus
	open          bool // a line of text has begun
}

func (f *streamPrinter) event(event a2a.Event) error {
	info := event.TaskInfo()
	if info.TaskID != "" {
		f.task, f.context = string(info.TaskID), info.ContextID
	}
	if *f.json {
		f.noteStatus(event)
		return f.line(a2a.StreamResponse{Event: event})
	}
	switch e := event.(type) {
	case *a2a.Task:
		f.text(artifactsText(e.Artifacts))
	case *a2a.Message:
		f.text(textOf(e.Parts))
	case *a2a.TaskArtifactUpdateEvent:
		if !e.Append && f.open {
			fmt.Fprintln(f.stdout)
		}
		f.text(artifactText(e.Artifact))
	case *a2a.TaskStatusUpdateEvent:
		f.progress(e)
	}
	f.noteStatus(event)
	return nil
}

func (f *streamPrinter) noteStatus(event a2a.Event) {
	switch e := event.(type) {
	case *a2a.Task:
		f.status = e.Status
	case *a2a.TaskStatusUpdateEvent:
		f.status = e.Status
	}
}

func (f *streamPrinter) text(s string) {
	if s != "" {
		fmt.Fprint(f.stdout, printable(s))
		f.open = !strings.HasSuffix(s, "\n")
	}
}

// progress prints what an agent says while it works; what it says at the end is the error's text.
func (f *streamPrinter) progress(e *a2a.TaskStatusUpdateEvent) {
	if e.Status.State == a2a.TaskStateWorking && e.Status.Message != nil {
		fmt.Fprintf(f.stderr, "… %s\n", cell(textOf(e.Status.Message.Parts)))
	}
}
