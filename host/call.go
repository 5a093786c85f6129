package host

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"

	"github.com/carrelhq/carrel/abi"
)

// Bounds of a request.
const (
	maxRequest = 1 << 20
	maxDepth   = 64
)

// function is what stands behind a host function: it takes the request's JSON
// and returns the reply's, or an *abi.Error for the guest, or an error that ends the run.
type function func(s *Session, ctx context.Context, request []byte) ([]byte, error)

// functions holds the implementation of every row of abi.Funcs; a test compares the two.
var functions = map[string]function{
	"log":             typed((*Session).log),
	"task_get":        typed((*Session).taskGet),
	"task_status":     typed((*Session).taskStatus),
	"task_artifact":   typed((*Session).taskArtifact),
	"context_load":    typed((*Session).contextLoad),
	"context_save":    typed((*Session).contextSave),
	"context_history": typed((*Session).contextHistory),
}

// Call makes one host call. request is only read during the call. The reply is
// {"ok":…} or {"error":…}; an error instead of a reply ends the run. Effects are
// queued in order when Call returns, and durable after the next Flush.
func (s *Session) Call(ctx context.Context, fn string, request []byte) (reply []byte, err error) {
	ctx, span := s.opts.Telemetry.Start(ctx, "host."+fn)
	s.clock.tick()
	ok, err := s.perform(ctx, fn, request)
	outcome := "ok"
	if refusal := (*abi.Error)(nil); errors.As(err, &refusal) {
		ok, err = nil, nil
		outcome = string(refusal.Code)
		reply, err = refuse(refusal)
	} else if err == nil {
		reply = accept(ok)
	} else {
		outcome = "ended the run"
	}
	if s.opts.Telemetry != nil && s.opts.Telemetry.Metrics != nil {
		s.opts.Telemetry.Metrics.HostCalls.Add(1, fn, outcome)
	}
	span.Set(slog.String("outcome", outcome))
	span.End(err)
	return reply, err
}

// perform is the way of every call: capability, bounds, effect. The journal will
// stand here, between the check and the function.
func (s *Session) perform(ctx context.Context, fn string, request []byte) ([]byte, error) {
	f, known := abi.Lookup(fn)
	if !known {
		return nil, invalid("there is no function %q", fn)
	}
	if !s.granted(f) {
		return nil, &abi.Error{Code: abi.Denied, Message: fmt.Sprintf("%s is not granted to this version of the agent", fn)}
	}
	if len(request) > maxRequest {
		return nil, &abi.Error{Code: abi.TooLarge, Message: fmt.Sprintf("the request has %d bytes; %d are the most", len(request), maxRequest)}
	}
	if s.queue.ctx.Err() != nil {
		return nil, s.cause()
	}
	return functions[fn](s, ctx, request)
}

// cause is why the session is over.
func (s *Session) cause() error {
	cause := context.Cause(s.queue.ctx)
	if errors.Is(cause, errEnded) {
		return &abi.Error{Code: abi.Canceled, Message: "the run has ended"}
	}
	return cause
}

// typed makes a function of a method on typed requests and replies.
func typed[Req, Rep any](method func(*Session, context.Context, Req) (Rep, error)) function {
	return func(s *Session, ctx context.Context, request []byte) ([]byte, error) {
		var req Req
		if err := decode(request, &req); err != nil {
			return nil, err
		}
		rep, err := method(s, ctx, req)
		if err != nil {
			return nil, err
		}
		return json.Marshal(rep)
	}
}

// decode reads a request; an empty one is an empty object.
func decode(request []byte, into any) error {
	if len(bytes.TrimSpace(request)) == 0 {
		return nil
	}
	if !shallow(request) {
		return invalid("the request nests deeper than %d levels", maxDepth)
	}
	if err := json.Unmarshal(request, into); err != nil {
		return invalid("the request is not what the function takes: %v", err)
	}
	return nil
}

// shallow reports whether no value nests deeper than maxDepth. It only counts
// brackets outside strings; whether the text is JSON is for the decoder to say.
func shallow(text []byte) bool {
	depth, inString := 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
		case inString:
		case c == '{' || c == '[':
			if depth++; depth > maxDepth {
				return false
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return true
}

// accept frames a reply: {"ok":…}.
func accept(ok []byte) []byte {
	out := make([]byte, 0, len(ok)+len(`{"ok":}`))
	return append(append(append(out, `{"ok":`...), ok...), '}')
}

// refuse frames a refusal: {"error":…}.
func refuse(e *abi.Error) ([]byte, error) {
	return json.Marshal(abi.Reply[abi.Empty]{Error: e})
}

func invalid(format string, args ...any) *abi.Error {
	return &abi.Error{Code: abi.Invalid, Message: fmt.Sprintf(format, args...)}
}
