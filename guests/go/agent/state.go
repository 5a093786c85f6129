package agent

import "encoding/json"

// Context is what an agent keeps per contextId: a value of its own type, as JSON.
type Context[T any] struct {
	// Value is what was saved last; T's zero value when nothing was.
	Value T

	version uint64
}

type savedState struct {
	Data    []byte `json:"data,omitempty"`
	Version uint64 `json:"version"`
}

// Load reads the agent's own value for the task's context.
func Load[T any](*Task) (*Context[T], error) {
	var rep savedState
	if err := call("context_load", struct{}{}, &rep); err != nil {
		return nil, err
	}
	c := &Context[T]{version: rep.Version}
	if len(rep.Data) == 0 {
		return c, nil
	}
	return c, json.Unmarshal(rep.Data, &c.Value)
}

// Save keeps Value for the next task of the context. It takes effect when the
// run ends. When another run has saved since Load, the error has the code
// "conflict": load again, or use [Update].
func (c *Context[T]) Save() error {
	data, err := json.Marshal(c.Value)
	if err != nil {
		return err
	}
	var rep savedState
	if err := call("context_save", savedState{data, c.version}, &rep); err != nil {
		return err
	}
	c.version = rep.Version
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
