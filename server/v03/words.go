package v03

import (
	"maps"
	"slices"
	"strings"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"
)

// roles and states are the words of the JSON schema.
var (
	roles = map[a2apb.Role]string{
		a2apb.Role_ROLE_USER:  "user",
		a2apb.Role_ROLE_AGENT: "agent",
	}
	states = map[a2apb.TaskState]string{
		a2apb.TaskState_TASK_STATE_UNSPECIFIED:    "unknown",
		a2apb.TaskState_TASK_STATE_SUBMITTED:      "submitted",
		a2apb.TaskState_TASK_STATE_WORKING:        "working",
		a2apb.TaskState_TASK_STATE_COMPLETED:      "completed",
		a2apb.TaskState_TASK_STATE_FAILED:         "failed",
		a2apb.TaskState_TASK_STATE_CANCELED:       "canceled",
		a2apb.TaskState_TASK_STATE_INPUT_REQUIRED: "input-required",
		a2apb.TaskState_TASK_STATE_REJECTED:       "rejected",
		a2apb.TaskState_TASK_STATE_AUTH_REQUIRED:  "auth-required",
	}
	rolesByWord  = byWord(roles, roleWord)
	statesByWord = byWord(states, stateWord)
)

// canceled is the one enum name that 1.0 spells differently.
const canceled = "TASK_STATE_CANCELLED"

// roleWord is the word for a role in a dialect. A role that 0.3 does not know is the
// agent's: messages of users have been checked.
func roleWord(r a2apb.Role, d Dialect) string {
	if _, ok := roles[r]; !ok {
		r = a2apb.Role_ROLE_AGENT
	}
	if d == REST {
		return r.String()
	}
	return roles[r]
}

// stateWord is the word for a state in a dialect.
func stateWord(s a2apb.TaskState, d Dialect) string {
	if _, ok := states[s]; !ok {
		s = a2apb.TaskState_TASK_STATE_UNSPECIFIED
	}
	switch {
	case d != REST:
		return states[s]
	case s == a2apb.TaskState_TASK_STATE_CANCELED:
		return canceled
	}
	return s.String()
}

// ParseState returns the state that a word means in any dialect, as the status
// parameter of GET /v1/tasks has one, and false for no such word.
func ParseState(word string) (a2apb.TaskState, bool) {
	s, ok := statesByWord[word]
	return s, ok
}

// byWord turns a vocabulary around, for all dialects in one.
func byWord[E comparable](words map[E]string, word func(E, Dialect) string) map[string]E {
	list := make(map[string]E, 2*len(words))
	for value := range words {
		list[word(value, JSONRPC)] = value
		list[word(value, REST)] = value
	}
	return list
}

// oneOf lists the words of the JSON schema for an error message.
func oneOf[E comparable](words map[E]string) string {
	return strings.Join(slices.Sorted(maps.Values(words)), ", ")
}
