package task_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"

	"github.com/carrelhq/carrel/abi"
	"github.com/carrelhq/carrel/agent"
	"github.com/carrelhq/carrel/broker"
	"github.com/carrelhq/carrel/internal/cputime"
	"github.com/carrelhq/carrel/storage/badgerdb"
	"github.com/carrelhq/carrel/task"
	"github.com/carrelhq/carrel/task/worker"
)

// BenchmarkEcho is the life of a blocking echo task without an edge and without a
// sandbox: what the records of a task cost. It reports the CPU that a task took,
// which says more than the time on a machine that others use.
func BenchmarkEcho(b *testing.B) {
	db, err := badgerdb.Open(badgerdb.Options{Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	m := benchManager(b, db)
	if os.Getenv("FULL") != "" {
		tsk, err := m.Send(b.Context(), bot, &a2apb.SendMessageRequest{Message: message("block")})
		if err != nil {
			b.Fatal(err)
		}
		for range 8000 {
			msg := message("hi")
			msg.ContextId = fmt.Sprint(rand.Int64N(9)) + tsk.ContextID
			if _, err := m.Send(b.Context(), bot, &a2apb.SendMessageRequest{Message: msg}); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ResetTimer()
	before := cputime.Used()
	b.SetParallelism(32)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := m.SendAndAwait(b.Context(), bot, task.Once{}, &a2apb.SendMessageRequest{Message: message("hi")}); err != nil {
				b.Error(err)
				return
			}
		}
	})
	b.ReportMetric(float64((cputime.Used()-before).Microseconds())/float64(b.N), "cpu-µs/op")
}

// benchManager is a manager of the bot, with a loop that echoes until the benchmark ends.
func benchManager(b *testing.B, db *badgerdb.DB) *task.Manager {
	b.Helper()
	agents, err := agent.NewRegistry(db, nil, agent.Options{})
	if err != nil {
		b.Fatal(err)
	}
	if _, err := agents.Declare(b.Context(), bot.Tenant, bot.Agent, abi.Description{}, agent.PushOptions{}); err != nil {
		b.Fatal(err)
	}
	queue := broker.New()
	m, err := task.NewManager(db, queue, agents, task.Options{})
	if err != nil {
		b.Fatal(err)
	}
	loop, err := worker.New(m, queue, workerFunc(func(ctx context.Context, r *task.Run) (task.Result, error) {
		if len(r.ContextID) > 36 {
			<-ctx.Done()
			return task.Result{}, context.Cause(ctx)
		}
		return echo(ctx, r)
	}), worker.Options{Concurrency: 64})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- loop.Run(ctx) }()
	b.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			b.Error(err)
		}
	})
	return m
}
