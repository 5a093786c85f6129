package wasm

import (
	"cmp"
	"encoding/json"
	"fmt"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/carrelhq/carrel/abi"
	"github.com/carrelhq/carrel/internal/a2ajson"
	"github.com/carrelhq/carrel/task"
)

// states are the words of a reply.
var states = map[string]a2apb.TaskState{
	"":               a2apb.TaskState_TASK_STATE_COMPLETED,
	"completed":      a2apb.TaskState_TASK_STATE_COMPLETED,
	"failed":         a2apb.TaskState_TASK_STATE_FAILED,
	"rejected":       a2apb.TaskState_TASK_STATE_REJECTED,
	"input_required": a2apb.TaskState_TASK_STATE_INPUT_REQUIRED,
	"auth_required":  a2apb.TaskState_TASK_STATE_AUTH_REQUIRED,
}

// lenient ignores unknown fields, as the specification has it.
var lenient = protojson.UnmarshalOptions{DiscardUnknown: true, RecursionLimit: 100}

// result reads what the guest answered; what is malformed is a failed task.
func result(reply []byte) task.Result {
	if out, ok := plain(reply); ok {
		return out
	}
	return decode(reply)
}

// decode reads any reply.
func decode(reply []byte) task.Result {
	var rep abi.RunReply
	if err := json.Unmarshal(reply, &rep); err != nil {
		return failure(fmt.Sprintf("The agent's reply is not JSON as the ABI has it: %v.", err))
	}
	if rep.Error != nil {
		return failure(cmp.Or(rep.Error.Message, string(rep.Error.Code), "The agent failed without a reason."))
	}
	state, ok := states[rep.State]
	if !ok {
		return failure(fmt.Sprintf("The agent's reply has the state %.40q, which the ABI does not know.", rep.State))
	}
	out := task.Result{State: state}
	if len(rep.Message) > 0 {
		out.Message = &a2apb.Message{}
		if err := lenient.Unmarshal(rep.Message, out.Message); err != nil {
			return failure(fmt.Sprintf("The agent's reply has a message that is not A2A: %v.", err))
		}
	}
	for i, text := range rep.Artifacts {
		a := &a2apb.Artifact{}
		if err := lenient.Unmarshal(text, a); err != nil {
			return failure(fmt.Sprintf("The agent's reply has an artifact (number %d) that is not A2A: %v.", i+1, err))
		}
		out.Artifacts = append(out.Artifacts, a)
	}
	return out
}

// plainNames are the members of a reply that [plain] reads.
var plainNames = []string{"state", "artifacts", "message"}

// plain reads a reply that holds texts only, as most do, at a fraction of what it
// takes to read any. ok is false for all others, right or wrong.
func plain(reply []byte) (out task.Result, ok bool) {
	r := a2ajson.NewReader(reply)
	known := true
	out.State = a2apb.TaskState_TASK_STATE_COMPLETED
	r.Object(plainNames, func(i int) {
		switch i {
		case 0:
			out.State, known = states[r.Text()]
		case 1:
			r.Array(func() {
				a := &a2apb.Artifact{}
				r.Artifact(a)
				out.Artifacts = append(out.Artifacts, a)
			})
		case 2:
			out.Message = &a2apb.Message{}
			r.Message(out.Message)
		}
	})
	return out, r.End() && known
}
