package host

import (
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

func (s *Session) taskStatus(_ context.Context, req abi.TaskStatusRequest) (abi.Empty, error) {
	effect, err := s.tasks.Status(req)
	if err != nil {
		return abi.Empty{}, err
	}
	return abi.Empty{}, s.queue.add(effect)
}

func (s *Session) taskArtifact(_ context.Context, req abi.TaskArtifactRequest) (abi.Empty, error) {
	effect, err := s.tasks.Artifact(req)
	if err != nil {
		return abi.Empty{}, err
	}
	return abi.Empty{}, s.queue.add(effect)
}
