package task

import (
	"context"
	"errors"
	"fmt"
	"slices"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/carrelhq/carrel/storage"
)

// MaxContext bounds the bytes an agent keeps per context.
const MaxContext = 256 << 10

// Errors of an agent's own context.
var (
	// ErrConflict is returned when a context was saved by another run since it was read.
	ErrConflict = errors.New("task: context was saved by another run")
	// ErrContextTooLarge is returned for a context above MaxContext.
	ErrContextTooLarge = fmt.Errorf("task: a context is %d bytes at most", MaxContext)
)

// savedContext is the agent's bytes for a context, and how often they were saved.
type savedContext struct {
	data    []byte
	version uint64
	base    uint64 // the version that was stored when a run saved first; not stored itself
}

const (
	contextVersion protowire.Number = 1
	contextData    protowire.Number = 2
)

func (c *savedContext) encode() []byte {
	w := make(wire, 0, len(c.data)+16)
	w.number(contextVersion, c.version)
	w.bytes(contextData, c.data)
	return w
}

// getContext reads what is stored: version 0 when there is nothing.
func getContext(tx storage.Tx, agentName, contextID string) (*savedContext, error) {
	c := &savedContext{}
	value, err := tx.Get(contextKey(agentName, contextID))
	if errors.Is(err, storage.ErrNotFound) {
		return c, nil
	}
	if err != nil {
		return nil, err
	}
	err = readWire(value, func(field protowire.Number, n uint64, b []byte) {
		switch field {
		case contextVersion:
			c.version = n
		case contextData:
			c.data = b
		}
	})
	if err != nil {
		return nil, fmt.Errorf("task: context: %w", err)
	}
	return c, nil
}

// LoadContext returns the agent's bytes for this context and their version, 0
// when there are none. It sees what this run has saved.
func (r *Run) LoadContext(ctx context.Context) (data []byte, version uint64, err error) {
	c, err := r.context(ctx)
	if err != nil {
		return nil, 0, err
	}
	return slices.Clone(c.data), c.version, nil
}

func (r *Run) context(ctx context.Context) (c *savedContext, err error) {
	r.mu.Lock()
	c = r.saved
	r.mu.Unlock()
	if c != nil {
		return c, nil
	}
	err = r.view(ctx, func(tx storage.Tx) error {
		c, err = getContext(tx, r.Ref.Agent, r.ContextID)
		return err
	})
	return c, err
}

// SaveContext replaces the agent's bytes for this context if version is the one
// stored, else ErrConflict. The save commits together with the end of the run
// and is visible to this run's LoadContext at once. A run saves nothing that is
// lost, is stopped because it took too long, or ends with a result that is not taken.
func (r *Run) SaveContext(ctx context.Context, data []byte, version uint64) (newVersion uint64, err error) {
	if len(data) > MaxContext {
		return 0, ErrContextTooLarge
	}
	c, err := r.context(ctx)
	if err != nil {
		return 0, err
	}
	if c.version != version {
		return 0, ErrConflict
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	base := version
	if r.saved != nil {
		base = r.saved.base
	}
	r.saved = &savedContext{data: slices.Clone(data), version: version + 1, base: base}
	return r.saved.version, nil
}

// DiscardContext forgets what SaveContext was given: a run that is stopped in the
// middle has not come to what it saved it for.
func (r *Run) DiscardContext() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.saved = nil
}

// unsaved is what SaveContext was given last.
func (r *Run) unsaved() []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.saved == nil {
		return nil
	}
	return r.saved.data
}

// commitContext writes what the run has saved, however often it did. Turns keep
// other runs away, so a conflict here means that the context was deleted meanwhile.
func (r *Run) commitContext(e *edit) error {
	r.mu.Lock()
	saved := r.saved
	r.mu.Unlock()
	if saved == nil {
		return nil
	}
	stored, err := getContext(e.tx, r.Ref.Agent, r.ContextID)
	if err != nil {
		return err
	}
	if stored.version != saved.base {
		return ErrConflict
	}
	return e.tx.Set(contextKey(r.Ref.Agent, r.ContextID), saved.encode())
}

// History returns the newest messages of all tasks of the context, at most
// limit, oldest first, those of this task included.
func (r *Run) History(ctx context.Context, limit int) (messages []*a2apb.Message, err error) {
	err = r.view(ctx, func(tx storage.Tx) error {
		messages = nil
		ids, err := contextTasks(tx, r.Ref.Agent, r.ContextID)
		if err != nil {
			return err
		}
		for _, id := range slices.Backward(ids) {
			if len(messages) >= limit {
				break
			}
			said, err := conversation(ctx, tx, id)
			if err != nil {
				return err
			}
			messages = append(said, messages...)
		}
		return nil
	})
	return messages[max(0, len(messages)-limit):], err
}

// conversation returns all messages of a task, the status message included.
func conversation(ctx context.Context, tx storage.Tx, id string) ([]*a2apb.Message, error) {
	h, err := loadHead(tx, id)
	if err != nil {
		return nil, err
	}
	t, err := fold(ctx, tx, id, h, all)
	if err != nil {
		return nil, err
	}
	if msg := t.Status.Message; msg != nil {
		return append(t.History, msg), nil
	}
	return t.History, nil
}

// contextTasks returns the ids of the context's tasks, in order of creation.
func contextTasks(tx storage.Tx, agentName, contextID string) (ids []string, err error) {
	prefix := contextTasksKey(agentName, contextID)
	for item, err := range tx.Scan(prefix, nil) {
		if err != nil {
			return nil, err
		}
		key := storage.ReadKey(item.Key[len(prefix):])
		key.Time()
		ids = append(ids, key.Str())
		if err := key.Err(); err != nil {
			return nil, err
		}
	}
	return ids, nil
}
