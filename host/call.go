package host

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/carrelhq/carrel/abi"
)

// Bounds of a request and a reply.
const (
	maxRequest = 1 << 20
	maxReply   = 1 << 20
	maxDepth   = 64
)

// function is what stands behind a host function: it takes the request's JSON
// and returns the reply with its frame, or an *abi.Error for the guest, or an
// error that ends the run.
type function struct {
	span  string
	waits bool // it reads what may have to become durable first
	call  func(s *Session, ctx context.Context, request []byte) ([]byte, error)
}

// functions holds the implementation of every row of abi.Funcs; a test compares the two.
var functions = map[string]function{
	"log":             typed("host.log", (*Session).log),
	"task_get":        waiting(typed("host.task_get", (*Session).taskGet)),
	"task_status":     quick(readStatus, "host.task_status", (*Session).taskStatus),
	"task_artifact":   quick(readArtifact, "host.task_artifact", (*Session).taskArtifact),
	"context_load":    waiting(typed("host.context_load", (*Session).contextLoad)),
	"context_save":    waiting(typed("host.context_save", (*Session).contextSave)),
	"context_history": waiting(typed("host.context_history", (*Session).contextHistory)),
	"blob_read":       waiting(typed("host.blob_read", (*Session).blobRead)),
}

func waiting(f function) function {
	f.waits = true
	return f
}

// typed makes a function of a method on typed requests and replies.
func typed[Req, Rep any](span string, method func(*Session, context.Context, Req) (Rep, error)) function {
	return quick(nil, span, method)
}

// quick is typed for requests that mostly have a form that read knows; nil knows none.
func quick[Req, Rep any](read func([]byte, *Req) bool, span string, method func(*Session, context.Context, Req) (Rep, error)) function {
	return function{span: span, call: func(s *Session, ctx context.Context, request []byte) ([]byte, error) {
		var req Req
		if read == nil || !read(request, &req) {
			req = *new(Req)
			if err := decode(request, &req); err != nil {
				return nil, err
			}
		}
		rep, err := method(s, ctx, req)
		if err != nil {
			return nil, err
		}
		return accept(rep)
	}}
}

// Call makes one host call. request is only read during the call. The reply is
// {"ok":…} or {"error":…}; an error instead of a reply ends the run. Effects are
// queued in order when Call returns, and durable after the next Flush.
func (s *Session) Call(ctx context.Context, fn string, request []byte) (reply []byte, err error) {
	f, known := functions[fn]
	if !known {
		fn, f.span = "unknown", "host.unknown"
	}
	ctx, span := s.opts.Telemetry.Start(ctx, f.span)
	s.clock.tick()
	reply, err = s.perform(ctx, fn, request)
	outcome := "ok"
	if err != nil {
		reply, outcome, err = outcomeOf(err)
	}
	s.metrics().HostCalls.Add(1, fn, outcome)
	span.Set(slog.String("outcome", outcome))
	span.End(err)
	return reply, err
}

// outcomeOf is what comes of a call that did not do what it should: a reply, or an
// error that ends the run.
func outcomeOf(err error) (reply []byte, outcome string, _ error) {
	var refusal *abi.Error
	if !errors.As(err, &refusal) {
		return nil, "ended the run", err
	}
	reply, err = refuse(refusal)
	return reply, string(refusal.Code), err
}

// perform is the way of every call: capability, bounds, effect. The journal will
// stand here, between the check and the function.
func (s *Session) perform(ctx context.Context, fn string, request []byte) ([]byte, error) {
	f, known := abi.Lookup(fn)
	if !known {
		return nil, invalid("there is no such function")
	}
	if !s.granted(f) {
		return nil, &abi.Error{Code: abi.Denied, Message: fmt.Sprintf("%s is not granted to this version of the agent", fn)}
	}
	if len(request) > maxRequest {
		return nil, &abi.Error{Code: abi.TooLarge, Message: fmt.Sprintf("the request has %d bytes; %d are the most", len(request), maxRequest)}
	}
	if err := s.queue.failed(); err != nil {
		return nil, err
	}
	reply, err := s.do(functions[fn], ctx, request)
	if errors.Is(err, errEnded) {
		return nil, ended
	}
	return reply, err
}

func (s *Session) do(f function, ctx context.Context, request []byte) ([]byte, error) {
	if f.waits {
		return s.wait(f, ctx, request)
	}
	return f.call(s, ctx, request)
}

func (s *Session) wait(f function, ctx context.Context, request []byte) (reply []byte, err error) {
	err = s.aside(func() error {
		reply, err = f.call(s, ctx, request)
		return err
	})
	return reply, err
}

// ended is the answer to what comes after End.
var ended = &abi.Error{Code: abi.Canceled, Message: "the run has ended"}

// failed tells why no call can be made any more.
func (q *queue) failed() error {
	q.mu.Lock()
	err := q.over()
	q.mu.Unlock()
	switch {
	case errors.Is(err, errEnded):
		return ended
	case err == nil && q.ctx.Err() != nil:
		return context.Cause(q.ctx)
	}
	return err
}

func invalid(format string, args ...any) *abi.Error {
	return &abi.Error{Code: abi.Invalid, Message: fmt.Sprintf(format, args...)}
}
