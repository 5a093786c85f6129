package server

import (
	"errors"
	"fmt"
	"strings"

	"github.com/carrelhq/carrel/agent"
	"github.com/carrelhq/carrel/storage"
	"github.com/carrelhq/carrel/task"
	"github.com/carrelhq/carrel/tenant"
)

// What the edge itself refuses, beside the errors of task and agent.
var (
	errParse             = errors.New("invalid JSON payload")
	errInvalidRequest    = errors.New("invalid request")
	errMethodNotFound    = errors.New("method not found")
	errVersion           = errors.New("A2A version not supported")
	errUnauthenticated   = errors.New("a valid key is needed")
	errForbidden         = errors.New("the operator's key is needed")
	errNotFound          = errors.New("not found")
	errMethodNotAllowed  = errors.New("method not allowed")
	errTooLarge          = errors.New("request body too large")
	errMediaType         = errors.New("media type not supported")
	errTooManyStreams    = errors.New("too many open streams")
	errTooManyFailures   = errors.New("too many requests with a wrong key")
	errMisdirected       = errors.New("a development server answers under local names only")
	errSlow              = errors.New("request body came too slowly")
	errShuttingDown      = errors.New("server is shutting down")
	errHeadersTooLarge   = errors.New("request header too large")
	errMalformed         = errors.New("malformed HTTP request")
	errCardNotConfigured = errors.New("extended agent card not configured")
)

// wire is how an error looks outside: the numbers of all bindings, in one place.
type wire struct {
	// code is the JSON-RPC error code.
	code int
	// http is the status of the HTTP bindings; a JSON-RPC reply has it only when
	// transport is set and is 200 otherwise.
	http      int
	transport bool
	// status is the gRPC status name, reason the google.rpc.ErrorInfo reason.
	status, reason string
	// message is what the caller reads; clients compare some of them.
	message string
	// detailed errors carry their own text behind the message.
	detailed bool
}

// wireErrors maps errors to the wire. The first match wins; what is not listed
// is internal, and its text stays in the log. Specification section 5.4.
var wireErrors = []struct {
	err error
	wire
}{
	{errParse, wire{-32700, 400, false, "INVALID_ARGUMENT", "PARSE_ERROR", "Invalid JSON payload", true}},
	{errInvalidRequest, wire{-32600, 400, false, "INVALID_ARGUMENT", "INVALID_REQUEST", "Request payload validation error", true}},
	{errMethodNotFound, wire{-32601, 404, false, "UNIMPLEMENTED", "METHOD_NOT_FOUND", "Method not found", false}},
	{task.ErrInvalidParams, wire{-32602, 400, false, "INVALID_ARGUMENT", "INVALID_PARAMS", "Invalid parameters", true}},
	{task.ErrTaskNotFound, wire{-32001, 404, false, "NOT_FOUND", "TASK_NOT_FOUND", "Task not found", false}},
	{task.ErrTaskNotCancelable, wire{-32002, 400, false, "FAILED_PRECONDITION", "TASK_NOT_CANCELABLE", "Task cannot be canceled", false}},
	{task.ErrPushNotSupported, wire{-32003, 400, false, "FAILED_PRECONDITION", "PUSH_NOTIFICATION_NOT_SUPPORTED", "Push Notification is not supported", false}},
	{task.ErrUnsupportedOperation, wire{-32004, 400, false, "FAILED_PRECONDITION", "UNSUPPORTED_OPERATION", "This operation is not supported", true}},
	{task.ErrContentTypeNotSupported, wire{-32005, 400, false, "INVALID_ARGUMENT", "CONTENT_TYPE_NOT_SUPPORTED", "Incompatible content types", true}},
	{errMediaType, wire{-32005, 415, true, "INVALID_ARGUMENT", "CONTENT_TYPE_NOT_SUPPORTED", "Incompatible content types", true}},
	{errCardNotConfigured, wire{-32007, 400, false, "FAILED_PRECONDITION", "EXTENDED_AGENT_CARD_NOT_CONFIGURED", "Extended agent card is not configured", false}},
	{errVersion, wire{-32009, 400, false, "FAILED_PRECONDITION", "VERSION_NOT_SUPPORTED", "A2A version is not supported", true}},
	{errUnauthenticated, wire{-31401, 401, true, "UNAUTHENTICATED", "UNAUTHENTICATED", "A valid key is needed", false}},
	{errForbidden, wire{-31403, 403, true, "PERMISSION_DENIED", "PERMISSION_DENIED", "The operator's key is needed", false}},
	{task.ErrAgentNotFound, wire{-31404, 404, true, "NOT_FOUND", "AGENT_NOT_FOUND", "Agent not found", false}},
	{agent.ErrNotFound, wire{-31404, 404, true, "NOT_FOUND", "AGENT_NOT_FOUND", "Agent not found", false}},
	{agent.ErrInvalid, wire{-32602, 400, false, "INVALID_ARGUMENT", "INVALID_AGENT", "Refused", true}},
	{agent.ErrTooLarge, wire{-32600, 413, true, "RESOURCE_EXHAUSTED", "TOO_LARGE", "The module is too large", true}},
	{tenant.ErrInvalidName, wire{-32602, 400, false, "INVALID_ARGUMENT", "INVALID_NAME", "Names are 1 to 63 of a-z, 0-9 and -, not starting with -", false}},
	{errNotFound, wire{-31404, 404, true, "NOT_FOUND", "NOT_FOUND", "Not found", false}},
	{errMethodNotAllowed, wire{-32600, 405, true, "UNIMPLEMENTED", "METHOD_NOT_ALLOWED", "Method not allowed", false}},
	{errMisdirected, wire{-32600, 421, true, "FAILED_PRECONDITION", "MISDIRECTED_REQUEST", "A development server answers under local names only", false}},
	{errTooLarge, wire{-32600, 413, true, "RESOURCE_EXHAUSTED", "TOO_LARGE", "Request body is too large", true}},
	{errHeadersTooLarge, wire{-32600, 431, true, "RESOURCE_EXHAUSTED", "TOO_LARGE", "Request header is too large", false}},
	{errSlow, wire{-32600, 408, true, "DEADLINE_EXCEEDED", "TOO_SLOW", "Request body came too slowly", false}},
	{errMalformed, wire{-32600, 400, true, "INVALID_ARGUMENT", "INVALID_REQUEST", "Malformed HTTP request", false}},
	{errTooManyStreams, wire{-31429, 429, true, "RESOURCE_EXHAUSTED", "TOO_MANY_STREAMS", "Too many open streams", false}},
	{errTooManyFailures, wire{-31429, 429, true, "RESOURCE_EXHAUSTED", "TOO_MANY_FAILURES", "Too many requests with a wrong key", false}},
	{task.ErrBusy, wire{-31429, 429, true, "RESOURCE_EXHAUSTED", "BUSY", "Too many tasks are waiting", false}},
	{errShuttingDown, wire{-31503, 503, true, "UNAVAILABLE", "UNAVAILABLE", "The server is shutting down", false}},
	{storage.ErrNotFound, wire{-31404, 404, true, "NOT_FOUND", "NOT_FOUND", "Not found", false}},
	{storage.ErrReadOnly, wire{-31503, 503, true, "UNAVAILABLE", "UNAVAILABLE", "The server does not take writes at the moment", false}},
}

// internal is the answer to what must not be told.
var internal = wire{-32603, 500, false, "INTERNAL", "INTERNAL_ERROR", "Internal error", false}

// onWire returns how err looks outside, and false for an internal one.
func onWire(err error) (wire, bool) {
	for _, known := range wireErrors {
		if errors.Is(err, known.err) {
			return known.wire, true
		}
	}
	return internal, false
}

// refusal is a known error with a sentence for the caller.
type refusal struct {
	kind error
	text string
}

func refuse(kind error, text string) error { return &refusal{kind, text} }

// Error returns the sentence.
func (r *refusal) Error() string { return r.text }

// Unwrap returns the known error.
func (r *refusal) Unwrap() error { return r.kind }

func badField(field, problem string) error {
	return &task.FieldError{Field: field, Problem: problem}
}

// text is what the caller reads: the message, and for some errors what exactly
// is wrong. The text of other errors may hold what is none of the caller's
// business, and stays here.
func (w wire) text(err error) string {
	if !w.detailed {
		return w.message
	}
	var r *refusal
	var f *task.FieldError
	switch {
	case errors.As(err, &r):
		return w.message + ": " + r.text
	case errors.As(err, &f):
		return w.message + ": " + f.Error()
	case errors.Is(err, agent.ErrInvalid):
		return w.message + ": " + strings.TrimPrefix(err.Error(), agent.ErrInvalid.Error()+": ")
	case errors.Is(err, agent.ErrTooLarge):
		return w.message + ": " + strings.TrimPrefix(err.Error(), agent.ErrTooLarge.Error()+": ")
	}
	return w.message
}

// wrapf keeps err's kind and says what was being done.
func wrapf(err error, format string, args ...any) error {
	return fmt.Errorf(format+": %w", append(args, err)...)
}
