package task

import (
	"context"
	"iter"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"
)

// Log reads the event logs of tasks. It is safe for concurrent use.
type Log struct{}

// Snapshot returns the task as it is, with the sequence number of the last
// event it contains: following from there neither misses nor repeats one.
func (l *Log) Snapshot(ctx context.Context, ref Ref, id string) (*a2apb.Task, uint64, error) {
	panic("not built")
}

// Follow yields the events after the given sequence number, in order, as they
// are committed, and ends after the one that finishes the task. On a finished
// task it yields what is left. It waits without holding anything a writer needs.
// It ends with an error when ctx does ([context.Cause]), when the task is not
// there (ErrTaskNotFound), or when events after seq are no longer kept
// (ErrEventsPurged): then start again from a Snapshot.
func (l *Log) Follow(ctx context.Context, ref Ref, id string, seq uint64) iter.Seq2[Event, error] {
	panic("not built")
}

type wireCache struct{}

// Encoded returns encode's result for the event's Body, computed once for all
// followers that share the event, per key. The bytes are shared: do not change them.
func (e Event) Encoded(key string, encode func(*a2apb.StreamResponse) ([]byte, error)) ([]byte, error) {
	panic("not built")
}
