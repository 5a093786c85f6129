package task

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"
	"google.golang.org/protobuf/proto"

	"github.com/carrelhq/carrel/storage"
)

// ErrKeyReused: the idempotency key came with another message before.
var ErrKeyReused = errors.New("idempotency key reused")

// MaxOnceKey bounds an idempotency key, in bytes.
const MaxOnceKey = 255

// Once has a message accepted once, however often it is sent: who sends it again
// under the same key gets what came of the first. The zero value is no key. The
// id of a message alone never does that: clients use one id for many messages.
type Once struct {
	// Caller is who sends: the keys of two callers have nothing to do with each
	// other, nor have those for two agents.
	Caller string
	// Key is the idempotency key: up to 255 bytes of visible ASCII.
	Key string
}

func (o Once) check() error {
	if len(o.Key) > MaxOnceKey {
		return &FieldError{"Idempotency-Key", fmt.Sprintf("is longer than %d bytes", MaxOnceKey)}
	}
	for _, c := range []byte(o.Key) {
		if c <= ' ' || c > '~' {
			return &FieldError{"Idempotency-Key", "must be visible ASCII without blanks"}
		}
	}
	return nil
}

// keyed is a message that is sent under a key; a nil one is sent under none.
type keyed struct {
	ref    Ref
	once   Once
	sum    [sha256.Size]byte // of what the message asks for
	window time.Duration     // how long the key is remembered
}

// newKeyed takes a key that was checked.
func (m *Manager) newKeyed(ref Ref, once Once, req *a2apb.SendMessageRequest) (*keyed, error) {
	if once.Key == "" {
		return nil, nil
	}
	sum, err := fingerprint(req)
	return &keyed{ref, once, sum, m.opts.IdempotencyWindow}, err
}

// fingerprint tells requests apart by what they ask for. How much the caller wants
// to see of the answer, and how soon, makes no other message of it.
func fingerprint(req *a2apb.SendMessageRequest) (sum [sha256.Size]byte, err error) {
	asked := &a2apb.SendMessageRequest{Message: req.Message, Metadata: req.Metadata, Configuration: &a2apb.SendMessageConfiguration{
		AcceptedOutputModes:        req.GetConfiguration().GetAcceptedOutputModes(),
		TaskPushNotificationConfig: req.GetConfiguration().GetTaskPushNotificationConfig(),
	}}
	text, err := proto.MarshalOptions{Deterministic: true}.Marshal(asked)
	return sha256.Sum256(text), err
}

// before returns what became of the message that came with the key first, false
// when it is the first. A key is as good as new when its time is over, or when
// the task is gone. Another message under the key is ErrKeyReused.
func (k *keyed) before(tx storage.Tx, now time.Time) (Accepted, bool, error) {
	if k == nil {
		return Accepted{}, false, nil
	}
	r, err := getOnce(tx, k.ref.Agent, k.once)
	if r == nil || err != nil || !r.expires.After(now) {
		return Accepted{}, false, err
	}
	h, err := loadHead(tx, r.taskID)
	switch {
	case errors.Is(err, ErrTaskNotFound):
		return Accepted{}, false, nil
	case err != nil:
		return Accepted{}, false, err
	case r.sum != k.sum:
		return Accepted{}, false, fmt.Errorf("%w: it came with another message", ErrKeyReused)
	}
	return Accepted{TaskID: r.taskID, ContextID: h.contextID, Seq: r.seq, Repeated: true, Hidden: h.hidden}, true, nil
}

// lookUp is before, on its own.
func (m *Manager) lookUp(ctx context.Context, k *keyed) (a Accepted, again bool, err error) {
	if k == nil {
		return Accepted{}, false, nil
	}
	err = m.view(ctx, k.ref.Tenant, func(tx storage.Tx) error {
		a, again, err = k.before(tx, time.Now())
		return err
	})
	return a, again, err
}

// note remembers the key, in the update that accepts its message.
func (k *keyed) note(e *edit, seq uint64) error {
	if k == nil {
		return nil
	}
	old, err := getOnce(e.tx, k.ref.Agent, k.once)
	if err != nil {
		return err
	}
	if old != nil {
		if err := e.root.Delete(onceDueKey(old.expires, k.ref, k.once)); err != nil {
			return err
		}
	}
	r := &onceRecord{taskID: e.id, seq: seq, sum: k.sum, expires: e.now.Add(k.window)}
	if err := e.root.Set(onceDueKey(r.expires, k.ref, k.once), nil); err != nil {
		return err
	}
	return e.tx.Set(onceKey(k.ref.Agent, k.once), r.encode())
}
