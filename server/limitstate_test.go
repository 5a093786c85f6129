package server

import (
	"fmt"
	"sync/atomic"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"

	"github.com/carrelhq/carrel/abi"
	"github.com/carrelhq/carrel/storage"
	"github.com/carrelhq/carrel/task"
)

// beginHeld begins n tasks in the context that are not finished, and waits until
// the first of them is at work.
func (b *bench) beginHeld(agentName, contextID string, n int) (first string) {
	b.t.Helper()
	for i := range n {
		req := ask("hold")
		req.Message.ContextId = contextID
		accepted, err := b.server.parts.tasks.SendOnce(b.t.Context(), task.Ref{Tenant: "acme", Agent: agentName}, task.Once{}, req)
		if err != nil {
			b.t.Fatal(err)
		}
		if i == 0 {
			first = accepted.TaskID
			b.begin(first)
		}
	}
	return first
}

// begin waits until the task is at work and has its message.
func (b *bench) begin(id string) {
	b.t.Helper()
	run := <-b.w.held
	for run.TaskID != id {
		run = <-b.w.held
	}
	if err := run.Update(b.t.Context(), func(storage.Tx) error { return nil }); err != nil {
		b.t.Fatal(err)
	}
}

var agentsMade atomic.Int64

// newAgent declares an agent without tasks.
func (b *bench) newAgent() string {
	name := fmt.Sprintf("limit-%d", agentsMade.Add(1))
	b.declare(name, abi.Description{Description: "Is asked for too much."})
	return name
}

// atOnce does not wait for the task.
func atOnce(r *a2apb.SendMessageRequest) {
	r.Configuration = &a2apb.SendMessageConfiguration{ReturnImmediately: true}
}

// queued is the nth unfinished task of an agent.
func queued(b *bench, n int) asked {
	name := b.newAgent()
	b.beginHeld(name, "", n-1)
	return say("echo hi", atOnce).of("acme/" + name)
}

// turns is the nth unfinished task of a context.
func turns(b *bench, n int) asked {
	name := b.newAgent()
	b.beginHeld(name, "ctx", n-1)
	return say("echo hi", atOnce, func(r *a2apb.SendMessageRequest) { r.Message.ContextId = "ctx" }).of("acme/" + name)
}

// pending is the nth message that waits for a task.
func pending(b *bench, n int) asked {
	name := b.newAgent()
	id := b.beginHeld(name, "", 1)
	for range n - 1 {
		req := ask("more")
		req.Message.TaskId = id
		if _, err := b.server.parts.tasks.SendOnce(b.t.Context(), task.Ref{Tenant: "acme", Agent: name}, task.Once{}, req); err != nil {
			b.t.Fatal(err)
		}
	}
	return say("echo hi", atOnce, toTask(id)).of("acme/" + name)
}

// hooks is the nth config of a task.
func hooks(b *bench, n int) asked {
	id := b.send("carded", "ask").Id
	for i := range n - 1 {
		config := &a2apb.TaskPushNotificationConfig{TaskId: id, Id: fmt.Sprint(i), Url: hookURL}
		if _, err := b.server.parts.tasks.CreatePushConfig(b.t.Context(), task.Ref{Tenant: "acme", Agent: "carded"}, config); err != nil {
			b.t.Fatal(err)
		}
	}
	return hook(id, hookURL)
}
