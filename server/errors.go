package server

import (
	"errors"
	"strings"

	"github.com/carrelhq/carrel/agent"
	"github.com/carrelhq/carrel/agent/signing"
	"github.com/carrelhq/carrel/storage"
	"github.com/carrelhq/carrel/task"
	"github.com/carrelhq/carrel/tenant"
)

// What the edge itself refuses, beside the errors of task and agent.
var (
	errParse            = errors.New("invalid JSON payload")
	errInvalidRequest   = errors.New("invalid request")
	errMethodNotFound   = errors.New("method not found")
	errVersion          = errors.New("A2A version not supported")
	errNoExtendedCard   = errors.New("extended card not configured")
	errExtension        = errors.New("required extension not named")
	errUnauthenticated  = errors.New("a valid key is needed")
	errForbidden        = errors.New("the operator's key is needed")
	errOrigin           = errors.New("origin not allowed")
	errNotFound         = errors.New("not found")
	errMethodNotAllowed = errors.New("method not allowed")
	errTooLarge         = errors.New("request body too large")
	errMediaType        = errors.New("media type not supported")
	errTooManyStreams   = errors.New("too many open streams")
	errTooManyWaiting   = errors.New("too many calls wait for their task")
	errTooManyCalls     = errors.New("too many open calls")
	errTooManyFailures  = errors.New("too many requests with a wrong key")
	errMisdirected      = errors.New("a development server answers under local names only")
	errSlow             = errors.New("request body came too slowly")
	errNotRead          = errors.New("client does not read its stream")
	errShuttingDown     = errors.New("server is shutting down")
	errHeadersTooLarge  = errors.New("request header too large")
	errMalformed        = errors.New("malformed HTTP request")
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
	// is is the error that was recognised.
	is error
}

// wireErrors maps errors to the wire. The first match wins; what is not listed
// is internal, and its text stays in the log. Specification section 5.4.
var wireErrors = []struct {
	err error
	wire
}{
	{errParse, wire{code: -32700, http: 400, status: "INVALID_ARGUMENT", reason: "PARSE_ERROR", message: "Invalid JSON payload", detailed: true}},
	{errInvalidRequest, wire{code: -32600, http: 400, status: "INVALID_ARGUMENT", reason: "INVALID_REQUEST", message: "Request payload validation error", detailed: true}},
	{errMethodNotFound, wire{code: -32601, http: 404, status: "UNIMPLEMENTED", reason: "METHOD_NOT_FOUND", message: "Method not found"}},
	{task.ErrInvalidParams, wire{code: -32602, http: 400, status: "INVALID_ARGUMENT", reason: "INVALID_PARAMS", message: "Invalid parameters", detailed: true}},
	{task.ErrKeyReused, wire{code: -31422, http: 422, status: "FAILED_PRECONDITION", reason: "IDEMPOTENCY_KEY_REUSED", message: "The idempotency key was used before", detailed: true}},
	{task.ErrTaskNotFound, wire{code: -32001, http: 404, status: "NOT_FOUND", reason: "TASK_NOT_FOUND", message: "Task not found"}},
	{task.ErrTaskNotCancelable, wire{code: -32002, http: 400, status: "FAILED_PRECONDITION", reason: "TASK_NOT_CANCELABLE", message: "Task cannot be canceled"}},
	{task.ErrPushNotSupported, wire{code: -32003, http: 400, status: "FAILED_PRECONDITION", reason: "PUSH_NOTIFICATION_NOT_SUPPORTED", message: "Push Notification is not supported"}},
	{task.ErrUnsupportedOperation, wire{code: -32004, http: 400, status: "FAILED_PRECONDITION", reason: "UNSUPPORTED_OPERATION", message: "This operation is not supported", detailed: true}},
	{task.ErrContentTypeNotSupported, wire{code: -32005, http: 400, status: "INVALID_ARGUMENT", reason: "CONTENT_TYPE_NOT_SUPPORTED", message: "Incompatible content types", detailed: true}},
	// In the HTTP+JSON binding of 1.0 a body of another type is the error before this one: section 5.4 has 400 for it.
	{errMediaType, wire{code: -32005, http: 415, transport: true, status: "INVALID_ARGUMENT", reason: "CONTENT_TYPE_NOT_SUPPORTED", message: "Incompatible content types", detailed: true}},
	{errNoExtendedCard, wire{code: -32007, http: 400, status: "FAILED_PRECONDITION", reason: "EXTENDED_AGENT_CARD_NOT_CONFIGURED", message: "Authenticated Extended Card is not configured"}},
	{errExtension, wire{code: -32008, http: 400, status: "FAILED_PRECONDITION", reason: "EXTENSION_SUPPORT_REQUIRED", message: "Extension support required", detailed: true}},
	{errVersion, wire{code: -32009, http: 400, status: "FAILED_PRECONDITION", reason: "VERSION_NOT_SUPPORTED", message: "A2A version is not supported", detailed: true}},
	{errUnauthenticated, wire{code: -31401, http: 401, transport: true, status: "UNAUTHENTICATED", reason: "UNAUTHENTICATED", message: "A valid key is needed"}},
	{errForbidden, wire{code: -31403, http: 403, transport: true, status: "PERMISSION_DENIED", reason: "PERMISSION_DENIED", message: "The operator's key is needed"}},
	{errOrigin, wire{code: -31403, http: 403, transport: true, status: "PERMISSION_DENIED", reason: "ORIGIN_NOT_ALLOWED", message: "Pages of this origin may not use the admin API"}},
	{task.ErrAgentNotFound, wire{code: -31404, http: 404, transport: true, status: "NOT_FOUND", reason: "AGENT_NOT_FOUND", message: "Agent not found"}},
	{agent.ErrNotFound, wire{code: -31404, http: 404, transport: true, status: "NOT_FOUND", reason: "AGENT_NOT_FOUND", message: "Agent not found"}},
	{agent.ErrNotCleared, wire{code: -32600, http: 409, transport: true, status: "ABORTED", reason: "NOT_CLEARED", message: "The deleted agent of this name is still being cleared away; try again in a moment"}},
	{agent.ErrInvalid, wire{code: -32602, http: 400, status: "INVALID_ARGUMENT", reason: "INVALID_AGENT", message: "Refused", detailed: true}},
	{agent.ErrTooLarge, wire{code: -32600, http: 413, transport: true, status: "RESOURCE_EXHAUSTED", reason: "TOO_LARGE", message: "The module is too large", detailed: true}},
	{tenant.ErrInvalidName, wire{code: -32602, http: 400, status: "INVALID_ARGUMENT", reason: "INVALID_NAME", message: "Names are 1 to 63 of a-z, 0-9 and -, not starting with -"}},
	{signing.ErrNotFound, wire{code: -31404, http: 404, transport: true, status: "NOT_FOUND", reason: "NOT_FOUND", message: "Not found"}},
	{signing.ErrLastKey, wire{code: -32602, http: 409, transport: true, status: "FAILED_PRECONDITION", reason: "LAST_KEY", message: "The newest key that signs cannot be retired; make another first"}},
	{signing.ErrTooManyKeys, wire{code: -32602, http: 409, transport: true, status: "RESOURCE_EXHAUSTED", reason: "TOO_MANY_KEYS", message: "There are as many keys as may be; retire one"}},
	{errNotFound, wire{code: -31404, http: 404, transport: true, status: "NOT_FOUND", reason: "NOT_FOUND", message: "Not found"}},
	{errMethodNotAllowed, wire{code: -32600, http: 405, transport: true, status: "UNIMPLEMENTED", reason: "METHOD_NOT_ALLOWED", message: "Method not allowed"}},
	{errMisdirected, wire{code: -32600, http: 421, transport: true, status: "FAILED_PRECONDITION", reason: "MISDIRECTED_REQUEST", message: "A development server answers under local names only"}},
	{errTooLarge, wire{code: -32600, http: 413, transport: true, status: "RESOURCE_EXHAUSTED", reason: "TOO_LARGE", message: "Request body is too large", detailed: true}},
	{errHeadersTooLarge, wire{code: -32600, http: 431, transport: true, status: "RESOURCE_EXHAUSTED", reason: "TOO_LARGE", message: "Request header is too large"}},
	{errSlow, wire{code: -32600, http: 408, transport: true, status: "DEADLINE_EXCEEDED", reason: "TOO_SLOW", message: "Request body came too slowly"}},
	{errNotRead, wire{code: -32600, http: 408, transport: true, status: "DEADLINE_EXCEEDED", reason: "TOO_SLOW", message: "The stream was not read"}},
	{errMalformed, wire{code: -32600, http: 400, transport: true, status: "INVALID_ARGUMENT", reason: "INVALID_REQUEST", message: "Malformed HTTP request"}},
	{errTooManyStreams, wire{code: -31429, http: 429, transport: true, status: "RESOURCE_EXHAUSTED", reason: "TOO_MANY_STREAMS", message: "Too many open streams"}},
	{errTooManyWaiting, wire{code: -31429, http: 429, transport: true, status: "RESOURCE_EXHAUSTED", reason: "TOO_MANY_WAITING", message: "Too many calls wait for their task; set returnImmediately"}},
	{errTooManyCalls, wire{code: -31429, http: 429, transport: true, status: "RESOURCE_EXHAUSTED", reason: "TOO_MANY_CALLS", message: "Too many open calls from this address"}},
	{errTooManyFailures, wire{code: -31429, http: 429, transport: true, status: "RESOURCE_EXHAUSTED", reason: "TOO_MANY_FAILURES", message: "Too many requests with a wrong key"}},
	{task.ErrBusy, wire{code: -31429, http: 429, transport: true, status: "RESOURCE_EXHAUSTED", reason: "BUSY", message: "Too many tasks are waiting", detailed: true}},
	{task.ErrNoRoom, wire{code: -31429, http: 429, transport: true, status: "RESOURCE_EXHAUSTED", reason: "TOO_MANY_ANSWERS", message: "Too many large answers are under way", detailed: true}},
	{task.ErrTooManyConfigs, wire{code: -32602, http: 400, status: "FAILED_PRECONDITION", reason: "TOO_MANY_CONFIGS", message: "The task has as many push notification configs as it may"}},
	{tenant.ErrTooManyKeys, wire{code: -32602, http: 400, status: "FAILED_PRECONDITION", reason: "TOO_MANY_KEYS", message: "The tenant has as many valid keys as it may; revoke some"}},
	{agent.ErrBusy, wire{code: -31429, http: 429, transport: true, status: "RESOURCE_EXHAUSTED", reason: "BUSY", message: "The module was not looked at", detailed: true}},
	{errShuttingDown, wire{code: -31503, http: 503, transport: true, status: "UNAVAILABLE", reason: "UNAVAILABLE", message: "The server is shutting down"}},
	{storage.ErrNotFound, wire{code: -31404, http: 404, transport: true, status: "NOT_FOUND", reason: "NOT_FOUND", message: "Not found"}},
	{storage.ErrClosed, wire{code: -31503, http: 503, transport: true, status: "UNAVAILABLE", reason: "UNAVAILABLE", message: "The server is shutting down"}},
	{task.ErrRebuilding, wire{code: -31503, http: 503, transport: true, status: "UNAVAILABLE", reason: "UNAVAILABLE", message: "The lists of tasks are being rebuilt"}},
	{storage.ErrReadOnly, wire{code: -31503, http: 503, transport: true, status: "UNAVAILABLE", reason: "UNAVAILABLE", message: "The server does not take writes at the moment"}},
}

// internal is the answer to what must not be told.
var internal = wire{code: -32603, http: 500, status: "INTERNAL", reason: "INTERNAL_ERROR", message: "Internal error"}

// onWire returns how err looks outside, and false for an internal one.
func onWire(err error) (wire, bool) {
	for _, known := range wireErrors {
		if errors.Is(err, known.err) {
			w := known.wire
			w.is = known.err
			return w, true
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
// is wrong, or in which fields. The text of other errors may hold what is none of the caller's
// business, and stays here.
func (w wire) text(err error) string {
	if bad := task.Fields(err); len(bad) > 0 {
		return w.message + ": " + bad.Error()
	}
	if !w.detailed {
		return w.message
	}
	var r *refusal
	if errors.As(err, &r) {
		return w.message + ": " + r.text
	}
	// What follows the recognised error in the text was written for the caller.
	if text, ok := strings.CutPrefix(err.Error(), w.is.Error()+": "); ok {
		return w.message + ": " + text
	}
	return w.message
}
