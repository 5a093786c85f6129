package wasm

import (
	"math"
	"strconv"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"

	"github.com/carrelhq/carrel/abi"
	"github.com/carrelhq/carrel/internal/a2ajson"
	"github.com/carrelhq/carrel/task"
)

// appendRequest appends what carrel_run gets, an [abi.RunRequest]. Its messages are
// written in place: as raw JSON in a struct they would be read and copied twice more.
func appendRequest(out []byte, run *task.Run, limits abi.Limits) (_ []byte, err error) {
	out = a2ajson.AppendText(append(out, `{"taskId":`...), run.TaskID)
	out = a2ajson.AppendText(append(out, `,"contextId":`...), run.ContextID)
	out = a2ajson.AppendText(append(out, `,"tenant":`...), run.Ref.Tenant)
	out = a2ajson.AppendText(append(out, `,"agent":`...), run.Ref.Agent)
	out = strconv.AppendInt(append(out, `,"run":`...), int64(run.Number), 10)
	if out, err = a2ajson.Append(append(out, `,"message":`...), run.Message); err != nil {
		return nil, err
	}
	if out, err = appendList(out, "pending", run.Pending, appendMessage); err != nil {
		return nil, err
	}
	if out, err = appendList(out, "acceptedOutputModes", run.AcceptedOutputModes, appendText); err != nil {
		return nil, err
	}
	out = strconv.AppendInt(append(out, `,"limits":{"runSeconds":`...), int64(limits.RunSeconds), 10)
	out = strconv.AppendInt(append(out, `,"memoryBytes":`...), limits.MemoryBytes, 10)
	return append(out, "}}"...), nil
}

// appendList appends a member that is left out when the list is empty.
func appendList[T any](out []byte, name string, items []T, write func([]byte, T) ([]byte, error)) (_ []byte, err error) {
	if len(items) == 0 {
		return out, nil
	}
	out = append(append(append(out, `,"`...), name...), `":[`...)
	for i, item := range items {
		if i > 0 {
			out = append(out, ',')
		}
		if out, err = write(out, item); err != nil {
			return nil, err
		}
	}
	return append(out, ']'), nil
}

func appendMessage(out []byte, m *a2apb.Message) ([]byte, error) { return a2ajson.Append(out, m) }

func appendText(out []byte, text string) ([]byte, error) { return a2ajson.AppendText(out, text), nil }

// limits are what guests are told of the bounds of a run.
func (o Options) limits() abi.Limits {
	seconds := math.Ceil(o.RunTimeout.Seconds())
	return abi.Limits{RunSeconds: int(min(seconds, math.MaxInt32)), MemoryBytes: o.MemoryBytes}
}

// smallRequest is what a request is given room for, in bytes: that of a short message.
const smallRequest = 768
