package wasm

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"
	"google.golang.org/protobuf/proto"

	"github.com/carrelhq/carrel/abi"
	"github.com/carrelhq/carrel/host"
	"github.com/carrelhq/carrel/internal/a2ajson"
	"github.com/carrelhq/carrel/storage"
	"github.com/carrelhq/carrel/task"
)

// tasks is a run as host functions see it. It is a host.Tasks.
type tasks struct{ run *task.Run }

func (t tasks) Update(ctx context.Context, fn func(storage.Tx) error) error {
	return t.run.Update(ctx, fn)
}

func (t tasks) Line(level, message string) host.Effect {
	return host.Effect{Size: len(message), Apply: func(tx storage.Tx) error { return t.run.AppendLine(tx, level, message) }}
}

func (t tasks) Status(ctx context.Context, req abi.TaskStatusRequest) (host.Effect, error) {
	msg, size, err := readMessage(req)
	if err == nil {
		err = task.CheckStatus(msg)
	}
	if err != nil {
		return host.Effect{}, refusal(err)
	}
	if msg.Parts, err = t.stage(ctx, msg.Parts); err != nil {
		return host.Effect{}, err
	}
	return host.Effect{Size: size, Apply: func(tx storage.Tx) error { return blamed(t.run.AppendStatus(tx, msg)) }}, nil
}

func (t tasks) Artifact(ctx context.Context, req abi.TaskArtifactRequest) (host.Effect, error) {
	chunk, size, err := readChunk(req)
	if err == nil {
		err = task.CheckArtifact(chunk.Artifact, size)
	}
	if err != nil {
		return host.Effect{}, refusal(err)
	}
	if chunk.Artifact.Parts, err = t.stage(ctx, chunk.Artifact.Parts); err != nil {
		return host.Effect{}, err
	}
	return host.Effect{Size: size, Apply: func(tx storage.Tx) error { return blamed(t.run.AppendArtifact(tx, chunk)) }}, nil
}

// stage stores what is large. A reference to nothing is the guest's mistake.
func (t tasks) stage(ctx context.Context, parts []*a2apb.Part) ([]*a2apb.Part, error) {
	parts, err := t.run.Stage(ctx, parts)
	if errors.Is(err, task.ErrInvalidParams) {
		return nil, refusal(err)
	}
	return parts, err
}

func (t tasks) ReadBlob(ctx context.Context, url string, offset int64, length int) ([]byte, int64, error) {
	data, size, err := t.run.ReadBlob(ctx, url, offset, length)
	if errors.Is(err, task.ErrTaskNotFound) {
		return nil, 0, &abi.Error{Code: abi.NotFound, Message: "the url is of no part that this run may read"}
	}
	return data, size, err
}

// blamed says that writing too much is the guest's fault.
func blamed(err error) error {
	if errors.Is(err, task.ErrLogFull) {
		return fmt.Errorf("%w: %w", host.ErrGuest, err)
	}
	return err
}

// refusal is what is wrong with a request, as the guest sees it.
func refusal(err error) *abi.Error { return &abi.Error{Code: abi.Invalid, Message: err.Error()} }

func readMessage(req abi.TaskStatusRequest) (msg *a2apb.Message, size int, err error) {
	msg = &a2apb.Message{}
	size, err = read("message", req.Message, msg)
	return msg, size, err
}

func readChunk(req abi.TaskArtifactRequest) (chunk *a2apb.TaskArtifactUpdateEvent, size int, err error) {
	chunk = &a2apb.TaskArtifactUpdateEvent{Artifact: &a2apb.Artifact{}, Append: req.Append, LastChunk: req.LastChunk}
	size, err = read("artifact", req.Artifact, chunk.Artifact)
	return chunk, size, err
}

// read decodes a field of a request that holds an A2A object. size is no less than
// what the object takes in the store: a number of one digit takes eleven bytes there.
func read(field string, text json.RawMessage, into proto.Message) (size int, err error) {
	if len(text) == 0 {
		return 0, fmt.Errorf("%s is required", field)
	}
	if a2ajson.Decode(text, into) { // it has texts only, which take no more than their JSON
		return len(text), nil
	}
	if err := lenient.Unmarshal(text, into); err != nil {
		return 0, fmt.Errorf("%s is not A2A: %w", field, err)
	}
	return max(len(text), proto.Size(into)), nil
}

func (t tasks) Task(ctx context.Context) (json.RawMessage, error) {
	whole, err := t.run.Task(ctx)
	if err != nil {
		return nil, err
	}
	return a2ajson.Append(nil, whole)
}

func (t tasks) LoadContext(ctx context.Context) ([]byte, uint64, error) {
	return t.run.LoadContext(ctx)
}

func (t tasks) SaveContext(ctx context.Context, data []byte, version uint64) (uint64, error) {
	saved, err := t.run.SaveContext(ctx, data, version)
	if errors.Is(err, task.ErrConflict) {
		return 0, &abi.Error{Code: abi.Conflict, Message: "the context has been saved since it was read; load it again"}
	}
	return saved, err
}

// maxHistoryBytes bounds what one history call copies into a guest: the newest messages that fit.
const maxHistoryBytes = 768 << 10

func (t tasks) History(ctx context.Context, limit int) ([]json.RawMessage, error) {
	messages, err := t.run.History(ctx, limit)
	if err != nil {
		return nil, err
	}
	out := make([]json.RawMessage, len(messages))
	from, size := len(messages), 0
	for from > 0 {
		text, err := a2ajson.Append(nil, messages[from-1])
		if err != nil {
			return nil, err
		}
		if size += len(text); size > maxHistoryBytes {
			break
		}
		from--
		out[from] = text
	}
	return out[from:], nil
}
