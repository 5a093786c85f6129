// Package brokertest is the specification of a broker as a test suite. It knows
// no implementation, and it counts because it has been seen to fail: its own
// test runs it against brokers with seeded faults.
package brokertest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carrelhq/carrel/broker"
)

// behaviour is one sentence of the contract and the test that holds it.
type behaviour struct {
	name string
	test func(t *testing.T, b broker.Broker)
}

// Run holds the broker that open returns to the contract, one behaviour per
// subtest, each with a broker of its own, which Run closes. A behaviour runs in a
// bubble of testing/synctest: waiting takes no time and is exact. The behaviours
// themselves only wait by the clock, so they also hold outside of a bubble.
func Run(t *testing.T, open func(t *testing.T) broker.Broker) {
	t.Run("watching costs no goroutine", func(t *testing.T) {
		watchingCostsNoGoroutine(t, open(t)) // counts goroutines, so it runs beside no other behaviour
	})
	for _, c := range behaviours() {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := open(t)
				t.Cleanup(func() { b.Close() })
				c.test(t, b)
			})
		})
	}
}

func behaviours() []behaviour {
	return slices.Concat(queueing, turns, wakeUps, closing, hammers)
}

// patience is how long the suite waits for what must happen, quiet how long it
// looks for what must not.
const (
	patience = time.Minute
	quiet    = time.Second
)

// within runs f in a goroutine and fails the test when f returns an error or
// does not return in time. f reports by its error alone: it may outlive the test.
func within(t *testing.T, what string, f func() error) {
	t.Helper()
	done := make(chan error, 1)
	go func() { done <- f() }()
	select {
	case err := <-done:
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
	case <-time.After(patience):
		t.Fatalf("%s does not return", what)
	}
}

func enqueue(t *testing.T, b broker.Broker, jobs ...broker.Job) {
	t.Helper()
	within(t, "Enqueue", func() error { return enqueueAll(t.Context(), b, jobs) })
}

func enqueueAll(ctx context.Context, b broker.Broker, jobs []broker.Job) error {
	for _, job := range jobs {
		if err := b.Enqueue(ctx, job); err != nil {
			return fmt.Errorf("%v: %w", job, err)
		}
	}
	return nil
}

// dequeue takes a job that must be there.
func dequeue(t *testing.T, b broker.Broker) broker.Job {
	t.Helper()
	got := make(chan broker.Job, 1)
	within(t, "Dequeue beside a queued job", func() error {
		job, err := b.Dequeue(t.Context())
		got <- job
		return err
	})
	return <-got
}

// drain takes jobs until none comes any more, or far more than a test enqueues.
func drain(t *testing.T, b broker.Broker) []broker.Job {
	t.Helper()
	got := make(chan []broker.Job, 1)
	within(t, "Dequeue of a queue that runs empty", func() error {
		jobs, err := drainAll(t.Context(), b)
		got <- jobs
		return err
	})
	return <-got
}

func drainAll(ctx context.Context, b broker.Broker) (jobs []broker.Job, err error) {
	for range 10_000 {
		short, cancel := context.WithTimeout(ctx, quiet)
		job, err := b.Dequeue(short)
		cancel()
		if errors.Is(err, context.DeadlineExceeded) {
			return jobs, nil
		}
		if err != nil {
			return jobs, err
		}
		jobs = append(jobs, job)
	}
	return jobs, errors.New("jobs come without end")
}

// woken says whether wake is readable or becomes so, and takes the wake-up.
func woken(wake <-chan struct{}) bool {
	select {
	case _, open := <-wake:
		return open
	case <-time.After(quiet):
		return false
	}
}

// silent says whether wake neither is readable nor becomes so nor is closed.
func silent(wake <-chan struct{}) bool {
	select {
	case <-wake:
		return false
	case <-time.After(quiet):
		return true
	}
}

// jobsOf names n tasks of a tenant, in order.
func jobsOf(tenant string, n int) []broker.Job {
	jobs := make([]broker.Job, n)
	for i := range jobs {
		jobs[i] = broker.Job{Tenant: tenant, TaskID: fmt.Sprintf("%s-%d", tenant, i)}
	}
	return jobs
}
