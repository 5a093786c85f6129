package brokertest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/carrelhq/carrel/broker"
	"github.com/google/go-cmp/cmp"
)

var queueing = []behaviour{
	{"a job comes out as it went in", comesOutAsItWentIn},
	{"jobs of a lane come in the order they were enqueued", laneKeepsOrder},
	{"Enqueue does not wait for a reader", enqueueDoesNotWait},
	{"Dequeue waits for a job", dequeueWaits},
	{"every waiting Dequeue gets a job when there are enough", everyWaiterIsServed},
	{"a job that is queued twice comes at least once", queuedTwiceComes},
	{"a job that is enqueued after it was taken comes again", enqueuedAgainComesAgain},
	{"the same task id in two tenants is two jobs", sameIDInTwoTenants},
	{"a waiting Dequeue returns the cause of its context", dequeueReturnsCause},
	{"Dequeue with an ended context does not lose a job", endedContextLosesNothing},
	{"a Dequeue that gave up does not swallow the next job", gaveUpSwallowsNothing},
}

func comesOutAsItWentIn(t *testing.T, b broker.Broker) {
	want := broker.Job{Tenant: "acme", TaskID: "7\x00 / é"}
	enqueue(t, b, want)
	if got := dequeue(t, b); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if rest := drain(t, b); len(rest) > 0 {
		t.Errorf("after the only job was taken, got %v", rest)
	}
}

func laneKeepsOrder(t *testing.T, b broker.Broker) {
	jobs := jobsOf("acme", 100)
	enqueue(t, b, jobs[:60]...)
	got := []broker.Job{dequeue(t, b), dequeue(t, b)}
	enqueue(t, b, jobs[60:]...)
	got = append(got, drain(t, b)...)
	if diff := cmp.Diff(jobs, got); diff != "" {
		t.Error(diff)
	}
}

func enqueueDoesNotWait(t *testing.T, b broker.Broker) {
	for range 10 {
		enqueue(t, b, jobsOf("acme", 600)...)
	}
}

func dequeueWaits(t *testing.T, b broker.Broker) {
	taken := make(chan broker.Job, 1)
	go func() {
		if job, err := b.Dequeue(t.Context()); err == nil {
			taken <- job
		}
	}()
	select {
	case job := <-taken:
		t.Fatalf("Dequeue of an empty queue returned %v", job)
	case <-time.After(quiet):
	}
	want := broker.Job{Tenant: "acme", TaskID: "1"}
	enqueue(t, b, want)
	select {
	case got := <-taken:
		if got != want {
			t.Errorf("got %v, want %v", got, want)
		}
	case <-time.After(patience):
		t.Error("Enqueue did not wake a waiting Dequeue")
	}
}

func everyWaiterIsServed(t *testing.T, b broker.Broker) {
	jobs := jobsOf("acme", 50)
	taken := make(chan broker.Job, len(jobs))
	for range jobs {
		go func() {
			if job, err := b.Dequeue(t.Context()); err == nil {
				taken <- job
			}
		}()
	}
	time.Sleep(quiet) // all of them wait
	enqueue(t, b, jobs...)
	for i := range jobs {
		select {
		case <-taken:
		case <-time.After(patience):
			t.Fatalf("%d of %d waiting readers got a job", i, len(jobs))
		}
	}
}

func queuedTwiceComes(t *testing.T, b broker.Broker) {
	jobs := jobsOf("acme", 3)
	enqueue(t, b, jobs[0], jobs[1], jobs[0], jobs[1], jobs[2], jobs[0])
	if missing := without(jobs, drain(t, b)); len(missing) > 0 {
		t.Errorf("never came: %v", missing)
	}
}

func enqueuedAgainComesAgain(t *testing.T, b broker.Broker) {
	jobs := jobsOf("acme", 3)
	for round := range 3 {
		enqueue(t, b, jobs...)
		first := dequeue(t, b)
		enqueue(t, b, first) // while others of its lane are still queued
		if missing := without(jobs, drain(t, b)); len(missing) > 0 {
			t.Fatalf("round %d: never came: %v", round, missing)
		}
	}
}

func sameIDInTwoTenants(t *testing.T, b broker.Broker) {
	jobs := []broker.Job{{Tenant: "t1", TaskID: "1"}, {Tenant: "t10", TaskID: "1"}, {Tenant: "t", TaskID: "11"}}
	enqueue(t, b, jobs...)
	if missing := without(jobs, drain(t, b)); len(missing) > 0 {
		t.Errorf("never came: %v", missing)
	}
}

func dequeueReturnsCause(t *testing.T, b broker.Broker) {
	stop := errors.New("the worker stops")
	ctx, cancel := context.WithCancelCause(t.Context())
	time.AfterFunc(quiet, func() { cancel(stop) })
	within(t, "Dequeue whose context has ended", func() error {
		if _, err := b.Dequeue(ctx); !errors.Is(err, stop) {
			return fmt.Errorf("got error %v, want the context's cause", err)
		}
		return nil
	})
}

func endedContextLosesNothing(t *testing.T, b broker.Broker) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	jobs := jobsOf("acme", 20)
	enqueue(t, b, jobs...)
	early := make(chan broker.Job, len(jobs))
	within(t, "Dequeue with an ended context", func() error {
		for range jobs {
			if job, err := b.Dequeue(ctx); err == nil {
				early <- job
			}
		}
		close(early)
		return nil
	})
	got := drain(t, b)
	for job := range early {
		got = append(got, job)
	}
	if missing := without(jobs, got); len(missing) > 0 {
		t.Errorf("lost %d jobs: %v", len(missing), missing)
	}
}

func gaveUpSwallowsNothing(t *testing.T, b broker.Broker) {
	for range 5 {
		if job := drain(t, b); len(job) > 0 {
			t.Errorf("Dequeue of an empty queue returned %v", job)
		}
	}
	jobs := jobsOf("acme", 3)
	enqueue(t, b, jobs...)
	time.Sleep(quiet) // whoever swallows has its chance
	if missing := without(jobs, drain(t, b)); len(missing) > 0 {
		t.Errorf("lost %v", missing)
	}
}

// without returns the jobs that are not among taken.
func without(jobs, taken []broker.Job) []broker.Job {
	seen := make(map[broker.Job]bool, len(taken))
	for _, job := range taken {
		seen[job] = true
	}
	var missing []broker.Job
	for _, job := range jobs {
		if !seen[job] {
			missing = append(missing, job)
		}
	}
	return missing
}
