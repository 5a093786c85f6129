package abi

// Code is the machine-readable reason of a refused host call: one lower snake word.
type Code string

// The codes a guest may see.
const (
	// Denied: the capability is not granted to this version of the agent.
	Denied Code = "denied"
	// Invalid: the request is malformed; the message says where.
	Invalid Code = "invalid"
	// NotFound: what the request names is not there.
	NotFound Code = "not_found"
	// Conflict: the version the request carries is not the one stored.
	Conflict Code = "conflict"
	// TooLarge: the request exceeds a limit of its function.
	TooLarge Code = "too_large"
	// BudgetExceeded: a quota of the task, agent or tenant is used up.
	BudgetExceeded Code = "budget_exceeded"
	// Timeout: the call took longer than it may.
	Timeout Code = "timeout"
	// Canceled: the task was canceled.
	Canceled Code = "canceled"
	// Unavailable: what the call needs is not there at this point, as before the snapshot.
	Unavailable Code = "unavailable"
	// UnknownOutcome: a crash came between the effect and its record.
	UnknownOutcome Code = "unknown_outcome"
	// Nondeterminism: a replayed run made another call than its journal has.
	Nondeterminism Code = "nondeterminism"
	// Internal: carrel failed; the run may be tried again.
	Internal Code = "internal"
)

// Codes lists every code, in the order of the documentation.
var Codes = []Code{
	Denied, Invalid, NotFound, Conflict, TooLarge, BudgetExceeded,
	Timeout, Canceled, Unavailable, UnknownOutcome, Nondeterminism, Internal,
}

// Error is a refusal as the guest sees it: {"code":…,"message":…}.
type Error struct {
	// Code is one of the ABI's codes.
	Code Code `json:"code"`
	// Message is for the agent's author.
	Message string `json:"message"`
}

// Error returns "code: message".
func (e *Error) Error() string { return string(e.Code) + ": " + e.Message }

// Reply is the frame of every reply: exactly one of its fields is set.
type Reply[T any] struct {
	OK    *T     `json:"ok,omitempty"`
	Error *Error `json:"error,omitempty"`
}
