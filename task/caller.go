package task

import (
	"errors"
	"fmt"
)

// forCaller is an error that has something to say to the task's caller.
type forCaller struct {
	error
	text string
}

func (e forCaller) Unwrap() error { return e.error }

// ForCaller returns cause with a text that the caller of a task may read, as
// "the model is away": a Worker whose run is out of attempts has it shown in the
// status message. The text of any other error stays in the log of the server; it
// may name hosts, paths and other tenants. cause must not be nil.
func ForCaller(text string, cause error) error { return forCaller{cause, text} }

// lastWords say to callers why a run is given up after that many attempts.
func lastWords(cause error, attempts int) string {
	var known forCaller
	if errors.As(cause, &known) {
		return fmt.Sprintf("%s, the last of %d attempts", known.text, attempts)
	}
	return fmt.Sprintf("its run was tried %d times and lost each time", attempts)
}
