package task_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"
	"github.com/google/go-cmp/cmp"

	"github.com/carrelhq/carrel/abi"
	"github.com/carrelhq/carrel/agent"
	"github.com/carrelhq/carrel/broker"
	"github.com/carrelhq/carrel/storage"
	"github.com/carrelhq/carrel/storage/storagetest"
	"github.com/carrelhq/carrel/task"
	"github.com/carrelhq/carrel/task/worker"
)

// doomed is a store that fails after so many updates, as a process that dies.
type doomed struct {
	storage.DB
	left atomic.Int64
}

var errDead = errors.New("the process is dead")

func (d *doomed) Update(ctx context.Context, fn func(storage.Tx) error) error {
	if d.left.Add(-1) < 0 {
		return errDead
	}
	return d.DB.Update(ctx, fn)
}

// dump is all that the store holds, by key, but for what goes in its time.
func dump(t *testing.T, db storage.DB) map[string]string {
	t.Helper()
	all := map[string]string{}
	if err := db.View(t.Context(), func(root storage.Tx) error {
		for item, err := range root.Scan(nil, nil) {
			if err != nil {
				return err
			}
			key := string(item.Key)
			if !strings.HasPrefix(key, "once-due") && !strings.HasPrefix(key, "reply-due") {
				all[key] = string(item.Value)
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return all
}

// live has the bot of the house live a life: tasks in every kind of state, a
// context that was saved, lines, webhooks.
func (h *house) live() {
	h.t.Helper()
	finished := h.send("finished", "ctx")
	h.createPush(hook(finished.TaskID, "hook"))
	run := h.claim()
	if err := run.Update(h.t.Context(), func(tx storage.Tx) error { return run.AppendLine(tx, "info", "line") }); err != nil {
		h.t.Fatal(err)
	}
	if _, err := run.SaveContext(h.t.Context(), []byte("x"), mustVersion(h.t, run)); err != nil {
		h.t.Fatal(err)
	}
	h.finish(run, task.Result{})
	h.send("asks", "")
	h.finish(h.claim(), task.Result{State: inputRequired})
	h.send("works", "ctx")
	h.claim()
	h.createPush(hook(h.send("waits for its turn", "ctx").TaskID, "hook"))
	if _, err := h.agents.Declare(h.t.Context(), bot.Tenant, bot.Agent, abi.Description{Replies: abi.RepliesMessage}, agent.PushOptions{}); err != nil {
		h.t.Fatal(err)
	}
	h.send("is answered with a message", "")
	h.finish(h.claim(), task.Result{Message: said("yes")})
	h.sendOnce(task.Once{Caller: "somebody", Key: "key"}, &a2apb.SendMessageRequest{Message: message("is hidden")})
	for range 60 { // more than one step takes
		h.send("hi", "")
		if job, err := h.broker.Dequeue(h.t.Context()); err != nil {
			h.t.Fatal(job, err)
		}
	}
}

// TestADeletedAgentLeavesNothing dies at every update of the clearing, and goes
// on in a new process.
func TestADeletedAgentLeavesNothing(t *testing.T) {
	t.Parallel()
	db := &doomed{DB: storagetest.Memory()}
	db.left.Store(1 << 30)
	opts := task.Options{Push: pushOptions(t)}
	h := newHouse(t, db, opts)
	other := task.Ref{Tenant: bot.Tenant, Agent: "bot-2"}
	if _, err := h.agents.Declare(t.Context(), other.Tenant, other.Agent, abi.Description{}, agent.PushOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Send(t.Context(), other, &a2apb.SendMessageRequest{Message: message("stays")}); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Cancel(t.Context(), other, h.only(other)); err != nil {
		t.Fatal(err)
	}
	if _, err := h.broker.Dequeue(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := h.agents.Delete(t.Context(), bot.Tenant, bot.Agent); err != nil {
		t.Fatal(err)
	}
	if err := h.ClearDeleted(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := dump(t, db)
	if _, err := h.agents.Declare(t.Context(), bot.Tenant, bot.Agent, abi.Description{}, agent.PushOptions{}); err != nil {
		t.Fatal(err)
	}
	h.live()
	if err := h.agents.Delete(t.Context(), bot.Tenant, bot.Agent); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Send(t.Context(), bot, &a2apb.SendMessageRequest{Message: message("too late")}); !errors.Is(err, task.ErrAgentNotFound) {
		t.Errorf("a message to a deleted agent: got %v", err)
	}
	err := errDead
	for dies := int64(1); errors.Is(err, errDead); dies += 7 {
		next, failed := task.NewManager(db, broker.New(), h.agents, opts)
		if failed != nil {
			t.Fatal(failed)
		}
		db.left.Store(dies)
		err = next.ClearDeleted(t.Context())
		db.left.Store(1 << 30)
	}
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, dump(t, db)); diff != "" {
		t.Errorf("(-before it lived +after it was cleared)\n%s", diff)
	}
}

// overtaken is a register whose agent is deleted right after it was looked up.
type overtaken struct{ *agent.Registry }

func (o overtaken) Get(ctx context.Context, tenant, name string) (agent.Agent, error) {
	a, err := o.Registry.Get(ctx, tenant, name)
	return a, errors.Join(err, o.Delete(ctx, tenant, name))
}

func TestAMessageThatADeletionOvertakesIsRefused(t *testing.T) {
	t.Parallel()
	h := memoryHouse(t)
	m, err := task.NewManager(h.db, h.broker, overtaken{h.agents}, task.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Send(t.Context(), bot, &a2apb.SendMessageRequest{Message: message("hi")}); !errors.Is(err, task.ErrAgentNotFound) {
		t.Errorf("got %v", err)
	}
}

// TestClearingSparesAnAgentThatIsThere is for one that was cleared by somebody
// else, and made again.
func TestClearingSparesAnAgentThatIsThere(t *testing.T) {
	t.Parallel()
	h := memoryHouse(t)
	a := h.send("hi", "ctx")
	if err := h.ClearAgent(t.Context(), bot); err != nil {
		t.Fatal(err)
	}
	h.finish(h.claim(), task.Result{})
	h.wantState(a.TaskID, completed)
}

func TestTheLoopClearsWhatWasDeleted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := memoryHouse(t)
		var cause error
		started := make(chan struct{})
		h.start(func(ctx context.Context, _ *task.Run) (task.Result, error) {
			close(started)
			<-ctx.Done()
			cause = context.Cause(ctx)
			return task.Result{}, cause
		}, worker.Options{})
		h.send("hi", "")
		<-started
		if err := h.agents.Delete(t.Context(), bot.Tenant, bot.Agent); err != nil {
			t.Fatal(err)
		}
		time.Sleep(6 * time.Second)
		synctest.Wait()
		if !errors.Is(cause, task.ErrCanceled) {
			t.Errorf("its run ended with %v", cause)
		}
		if left, err := h.agents.Deleted(t.Context(), 1); err != nil || len(left) != 0 {
			t.Errorf("left is %v, %v", left, err)
		}
	})
}

// only is the one task of the agent.
func (h *house) only(ref task.Ref) string {
	h.t.Helper()
	page, err := h.List(h.t.Context(), ref, "", &a2apb.ListTasksRequest{})
	if err != nil || len(page.Tasks) != 1 {
		h.t.Fatal(page, err)
	}
	return page.Tasks[0].Id
}
