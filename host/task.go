package host

import (
	"context"

	"github.com/carrelhq/carrel/abi"
	"github.com/carrelhq/carrel/storage"
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
	if refusal := s.tasks.CheckStatus(req); refusal != nil {
		return abi.Empty{}, refusal
	}
	return abi.Empty{}, s.queue.add(effect{len(req.Message), func(tx storage.Tx) error { return s.tasks.AppendStatus(tx, req) }})
}

func (s *Session) taskArtifact(_ context.Context, req abi.TaskArtifactRequest) (abi.Empty, error) {
	if refusal := s.tasks.CheckArtifact(req); refusal != nil {
		return abi.Empty{}, refusal
	}
	return abi.Empty{}, s.queue.add(effect{len(req.Artifact), func(tx storage.Tx) error { return s.tasks.AppendArtifact(tx, req) }})
}
