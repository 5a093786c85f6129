package agent

import (
	"encoding/json"

	"github.com/carrelhq/carrel/guests/go/internal/codec"
)

// Context is what an agent keeps per contextId: a value of its own type, as JSON.
// Messages, as a []Message, are written and read by generated code; any other type
// by encoding/json, which costs the first use of a type in a run some hundred
// microseconds.
type Context[T any] struct {
	// Value is what was saved last; T's zero value when nothing was.
	Value T

	version uint64
}

// Load reads the agent's own value for the task's context.
func Load[T any](*Task) (*Context[T], error) {
	reply, err := callContextLoad()
	if err != nil {
		return nil, err
	}
	c := &Context[T]{version: reply.Version}
	if len(reply.Data) == 0 {
		return c, nil
	}
	return c, decodeValue(reply.Data, &c.Value)
}

// Save keeps Value for the next task of the context. It takes effect when the
// run ends. When another run has saved since Load, the error has the code
// "conflict": load again, or use [Update].
func (c *Context[T]) Save() error {
	data, err := encodeValue(c.Value)
	if err != nil {
		return err
	}
	reply, err := callContextSave(&contextSaveRequest{Data: data, Version: c.version})
	if err != nil {
		return err
	}
	c.version = reply.Version
	return nil
}

// Update loads the value, applies fn and saves it, and does so again when
// another run was quicker.
func Update[T any](t *Task, fn func(*T) error) error {
	for {
		c, err := Load[T](t)
		if err != nil {
			return err
		}
		if err := fn(&c.Value); err != nil {
			return err
		}
		if err := c.Save(); !IsCode(err, "conflict") {
			return err
		}
	}
}

func encodeValue(v any) ([]byte, error) {
	messages, ok := v.([]Message)
	if !ok {
		return json.Marshal(v)
	}
	var w codec.Writer
	w.Open('[')
	for i := range messages {
		messages[i].encode(&w)
	}
	w.Close(']')
	return w.Bytes(), w.Err()
}

func decodeValue(data []byte, v any) error {
	messages, ok := v.(*[]Message)
	if !ok {
		return json.Unmarshal(data, v)
	}
	r := codec.NewReader(data)
	for ok := r.Elements(); ok; ok = r.NextElement() {
		var m Message
		m.decode(r)
		*messages = append(*messages, m)
	}
	return r.End()
}
