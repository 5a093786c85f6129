// Package broker is the contract with the work queue and its wake-ups.
//
// A broker holds nothing that matters: jobs and events are in storage before
// they are announced here, and whatever a broker loses is repaired from
// storage. It never blocks a publisher on a slow reader. [New] returns the
// in-process default; every implementation passes the suite in brokertest.
package broker

import (
	"context"
	"errors"
)

// ErrClosed is returned by Enqueue and Dequeue after Close.
var ErrClosed = errors.New("broker: closed")

// Job says that a task may have work to do. It carries no state: whoever takes
// it looks the task up in storage and may find that nothing is left to do.
type Job struct {
	Tenant string
	TaskID string
}

// Broker queues jobs and passes wake-ups on. It is safe for concurrent use.
type Broker interface {
	// Enqueue adds job to its tenant's lane. It does not wait for a reader. A job
	// that is queued already may be merged with it. Delivery is at least once
	// while the broker lives; after a restart the queue may be empty. ctx bounds
	// the way to a queue on another machine.
	Enqueue(ctx context.Context, job Job) error

	// Dequeue waits for a job and removes it, or returns the cause of ctx when
	// that ends first; a job is never lost between the two. Lanes take turns: a
	// tenant with a thousand jobs delays another tenant's first by one job at
	// most. Within a lane jobs come in the order they were enqueued.
	Dequeue(ctx context.Context) (Job, error)

	// Notify wakes everyone who watches topic. It never blocks; wake-ups that
	// nobody has taken yet merge into one.
	Notify(topic string)

	// Watch registers for topic. A Notify that begins after Watch has returned
	// makes wake readable. stop releases the registration and may be called
	// twice; wake is not closed by it. Watching costs no goroutine.
	Watch(topic string) (wake <-chan struct{}, stop func())

	// Close wakes every waiting Dequeue with ErrClosed. It is safe to call twice.
	Close() error
}
