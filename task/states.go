package task

import (
	"fmt"
	"slices"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"
)

// The states by short names, for the table below.
const (
	unspecified   = a2apb.TaskState_TASK_STATE_UNSPECIFIED
	submitted     = a2apb.TaskState_TASK_STATE_SUBMITTED
	working       = a2apb.TaskState_TASK_STATE_WORKING
	completed     = a2apb.TaskState_TASK_STATE_COMPLETED
	failed        = a2apb.TaskState_TASK_STATE_FAILED
	canceled      = a2apb.TaskState_TASK_STATE_CANCELED
	rejected      = a2apb.TaskState_TASK_STATE_REJECTED
	inputRequired = a2apb.TaskState_TASK_STATE_INPUT_REQUIRED
	authRequired  = a2apb.TaskState_TASK_STATE_AUTH_REQUIRED
)

// transitions is the state machine, drawn in states.md. Working to working is
// progress, and a new attempt at a run.
var transitions = map[a2apb.TaskState][]a2apb.TaskState{
	unspecified:   {submitted},
	submitted:     {working, failed, canceled},
	working:       {working, completed, failed, canceled, rejected, inputRequired, authRequired},
	inputRequired: {working, canceled},
	authRequired:  {working, canceled},
}

// errTransition is a state change that the state machine does not have.
type errTransition struct{ from, to a2apb.TaskState }

// Error names the two states.
func (e errTransition) Error() string { return fmt.Sprintf("task: no way from %s to %s", e.from, e.to) }

// enter checks that the state machine has the change. Every change goes through it.
func enter(from, to a2apb.TaskState) error {
	if !slices.Contains(transitions[from], to) {
		return errTransition{from, to}
	}
	return nil
}

// unfinished are the states of tasks that are still to do or being done.
var unfinished = []a2apb.TaskState{submitted, working}
