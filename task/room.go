package task

import (
	"context"
	"errors"
	"fmt"
)

// ErrNoRoom is returned for a task that is larger than its reader has room for now.
var ErrNoRoom = errors.New("no room for a task of that size")

type roomKey struct{}

// WithRoom returns a context under which tasks are read for their callers only
// where there is room: it is asked for, with the size of their events in bytes,
// before they are read; for a list before each task, with those before it. room must
// not wait; it may be asked twice for the same.
// Where it says no, the read is ErrNoRoom.
func WithRoom(ctx context.Context, room func(bytes uint64) bool) context.Context {
	return context.WithValue(ctx, roomKey{}, room)
}

func askRoom(ctx context.Context, bytes uint64) error {
	if room, ok := ctx.Value(roomKey{}).(func(uint64) bool); ok && !room(bytes) {
		return fmt.Errorf("%w: its events have %d bytes", ErrNoRoom, bytes)
	}
	return nil
}
