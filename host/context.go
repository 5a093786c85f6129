package host

import (
	"context"
	"fmt"

	"github.com/carrelhq/carrel/abi"
)

const (
	maxContext = 256 << 10
	maxHistory = 100
)

func (s *Session) contextLoad(ctx context.Context, _ abi.Empty) (rep abi.ContextLoadReply, err error) {
	rep.Data, rep.Version, err = s.tasks.LoadContext(ctx)
	return rep, err
}

func (s *Session) contextSave(ctx context.Context, req abi.ContextSaveRequest) (rep abi.ContextSaveReply, err error) {
	if len(req.Data) > maxContext {
		return rep, &abi.Error{Code: abi.TooLarge, Message: fmt.Sprintf("a context is %d bytes at most; this one has %d", maxContext, len(req.Data))}
	}
	rep.Version, err = s.tasks.SaveContext(ctx, req.Data, req.Version)
	return rep, err
}

// contextHistory flushes first: what the guest has said is part of the history.
func (s *Session) contextHistory(ctx context.Context, req abi.ContextHistoryRequest) (rep abi.ContextHistoryReply, err error) {
	if req.Limit < 0 || req.Limit > maxHistory {
		return rep, invalid("limit must be from 0 to %d", maxHistory)
	}
	if req.Limit == 0 {
		req.Limit = maxHistory
	}
	if err := s.Flush(ctx); err != nil {
		return rep, err
	}
	rep.Messages, err = s.tasks.History(ctx, req.Limit)
	return rep, err
}
