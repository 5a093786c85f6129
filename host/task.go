package host

import (
	"bytes"
	"context"

	"github.com/carrelhq/carrel/abi"
)

// taskGet flushes first: a guest sees its own effects.
func (s *Session) taskGet(ctx context.Context, _ abi.Empty) (abi.TaskGetReply, error) {
	if err := s.Flush(ctx); err != nil {
		return abi.TaskGetReply{}, err
	}
	task, err := s.tasks.Task(ctx)
	return abi.TaskGetReply{Task: task}, err
}

func (s *Session) taskStatus(ctx context.Context, req abi.TaskStatusRequest) (abi.Empty, error) {
	return s.emit(req.Message, func() (Effect, error) { return s.tasks.Status(ctx, req) })
}

func (s *Session) taskArtifact(ctx context.Context, req abi.TaskArtifactRequest) (abi.Empty, error) {
	return s.emit(req.Artifact, func() (Effect, error) { return s.tasks.Artifact(ctx, req) })
}

// emit queues what a request comes to. What is in it may have to be written, or
// looked for, in the store first.
func (s *Session) emit(payload []byte, check func() (Effect, error)) (abi.Empty, error) {
	if len(payload) > abi.MaxInline || bytes.Contains(payload, []byte(abi.BlobScheme)) {
		check = s.waitFor(check)
	}
	effect, err := check()
	if err != nil {
		return abi.Empty{}, err
	}
	return abi.Empty{}, s.queue.add(effect)
}

// waitFor is check, done where it may wait.
func (s *Session) waitFor(check func() (Effect, error)) func() (Effect, error) {
	return func() (effect Effect, err error) {
		err = s.aside(func() (err error) {
			effect, err = check()
			return err
		})
		return effect, err
	}
}
