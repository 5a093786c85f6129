package broker_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carrelhq/carrel/broker"
	"github.com/carrelhq/carrel/broker/brokertest"
)

func TestInProcess(t *testing.T) {
	t.Parallel()
	brokertest.Run(t, func(*testing.T) broker.Broker { return broker.New() })
}

func TestAQueuedJobIsMergedAndOneThatWasTakenIsNot(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := broker.New()
		job := broker.Job{Tenant: "acme", TaskID: "1"}
		for round := range 3 {
			for range 100 {
				enqueue(t, b, job)
			}
			if got, err := b.Dequeue(t.Context()); got != job || err != nil {
				t.Fatalf("round %d: got %v and error %v, want %v", round, got, err, job)
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			if got, err := b.Dequeue(ctx); err == nil {
				t.Errorf("round %d: %v came twice", round, got)
			}
		}
	})
}

func TestAJobIsQueuedEvenWhenItsRequestHasEnded(t *testing.T) {
	t.Parallel()
	b := broker.New()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	want := broker.Job{Tenant: "acme", TaskID: "1"}
	if err := b.Enqueue(ctx, want); err != nil {
		t.Fatal(err)
	}
	if got, err := b.Dequeue(t.Context()); got != want || err != nil {
		t.Errorf("got %v and error %v, want %v", got, err, want)
	}
}

func TestAReaderThatHasStoppedTakesNoJob(t *testing.T) {
	t.Parallel()
	b := broker.New()
	enqueue(t, b, broker.Job{Tenant: "acme", TaskID: "1"})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for range 20 {
		if job, err := b.Dequeue(ctx); err == nil {
			t.Fatalf("got %v", job)
		}
	}
}

func BenchmarkNotifyAThousandFollowers(b *testing.B) {
	br := broker.New()
	for range 1000 {
		_, stop := br.Watch("task/1")
		defer stop()
	}
	for b.Loop() {
		br.Notify("task/1")
	}
}

func BenchmarkWatchAndStop(b *testing.B) {
	br := broker.New()
	b.ReportAllocs()
	for b.Loop() {
		_, stop := br.Watch("task/1")
		stop()
	}
}

func BenchmarkEnqueueAndDequeue(b *testing.B) {
	for _, tenants := range []int{1, 1000} {
		b.Run(fmt.Sprintf("tenants=%d", tenants), func(b *testing.B) {
			br := broker.New()
			jobs := make([]broker.Job, tenants)
			for i := range jobs {
				jobs[i] = broker.Job{Tenant: fmt.Sprint(i), TaskID: fmt.Sprint(i)}
				enqueue(b, br, jobs[i])
			}
			b.ReportAllocs()
			for b.Loop() {
				job, err := br.Dequeue(b.Context())
				if err != nil {
					b.Fatal(err)
				}
				enqueue(b, br, job)
			}
		})
	}
}

func enqueue(tb testing.TB, b broker.Broker, job broker.Job) {
	tb.Helper()
	if err := b.Enqueue(tb.Context(), job); err != nil {
		tb.Fatal(err)
	}
}
