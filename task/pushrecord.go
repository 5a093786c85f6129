package task

import (
	"errors"
	"fmt"
	"time"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/carrelhq/carrel/storage"
)

// taskPlace is a task among all tenants'.
type taskPlace struct{ tenant, id string }

// pushConfig is a config with the version of the protocol it was registered in.
type pushConfig struct {
	config  *a2apb.TaskPushNotificationConfig
	version string
}

const (
	pushConfigBody    protowire.Number = 1
	pushConfigVersion protowire.Number = 2
)

// sealPlace binds a sealed config to its tenant, its task and its id.
func (p taskPlace) sealPlace(id string) []byte { return pushConfigKey(p.id, id).Str(p.tenant) }

// seal returns the config as it is stored. All of it is encrypted: URLs hold secrets, too.
func (c pushConfig) seal(secrets Secrets, place taskPlace) ([]byte, error) {
	body, err := proto.Marshal(c.config)
	if err != nil {
		return nil, err
	}
	var w wire
	w.bytes(pushConfigBody, body)
	w.text(pushConfigVersion, c.version)
	return secrets.Seal(w, place.sealPlace(c.config.Id)), nil
}

func openPushConfig(value []byte, secrets Secrets, place taskPlace, id string) (pushConfig, error) {
	plain, err := secrets.Open(value, place.sealPlace(id))
	if err != nil {
		return pushConfig{}, fmt.Errorf("task %s: push notification config %s: %w", place.id, id, err)
	}
	c := pushConfig{config: &a2apb.TaskPushNotificationConfig{}}
	var body []byte
	err = readWire(plain, func(field protowire.Number, _ uint64, b []byte) {
		switch field {
		case pushConfigBody:
			body = b
		case pushConfigVersion:
			c.version = string(b)
		}
	})
	return c, errors.Join(err, proto.Unmarshal(body, c.config))
}

// openPushItem opens a config that a scan found.
func openPushItem(item storage.Item, secrets Secrets, place taskPlace) (pushConfig, error) {
	id, err := lastElement(item.Key)
	if err != nil {
		return pushConfig{}, err
	}
	return openPushConfig(item.Value, secrets, place, id)
}

// lastElement reads the config's id from the key of a config or a cursor.
func lastElement(key []byte) (string, error) {
	r := storage.ReadKey(key)
	r.Str()
	r.Str()
	id := r.Str()
	return id, r.Err()
}

// pushCursor is how far a webhook has come in the log of its task, and how it
// goes. The log is the outbox: what lies behind the cursor is to be sent.
type pushCursor struct {
	seq   uint64    // of the last event that needs no more sending
	due   time.Time // of the entry in the due index; zero when there is nothing to send
	fence uint64    // raised by every claim and every change of the config
	owner string    // the instance that sends, empty when nobody does

	attempts  int       // at the next event
	refused   bool      // at the last of them it was: then it is due at once when the task ends
	probed    uint64    // the last event behind that one that was tried, 0 for none
	failing   time.Time // since when they fail
	dead      bool      // given up
	fault     string    // what was wrong the last time
	failed    time.Time // when that was
	succeeded time.Time // when an event was last taken
	delivered uint64    // events taken
	leftOut   uint64    // events that were passed because it refused them
}

const (
	cursorSeq       protowire.Number = 1
	cursorDue       protowire.Number = 2
	cursorFence     protowire.Number = 3
	cursorOwner     protowire.Number = 4
	cursorAttempts  protowire.Number = 5
	cursorFailing   protowire.Number = 6
	cursorDead      protowire.Number = 7
	cursorFault     protowire.Number = 8
	cursorFailed    protowire.Number = 9
	cursorSucceeded protowire.Number = 10
	cursorDelivered protowire.Number = 11
	cursorRefused   protowire.Number = 12
	cursorLeftOut   protowire.Number = 13
	cursorProbed    protowire.Number = 14
)

// forgive forgets how attempts at the next event went.
func (c *pushCursor) forgive() { c.attempts, c.refused, c.probed, c.failing = 0, false, 0, time.Time{} }

func (c *pushCursor) encode() []byte {
	w := make(wire, 0, 96+len(c.fault))
	w.number(cursorSeq, c.seq)
	w.time(cursorDue, c.due)
	w.number(cursorFence, c.fence)
	w.text(cursorOwner, c.owner)
	w.number(cursorAttempts, uint64(c.attempts))
	w.time(cursorFailing, c.failing)
	w.flag(cursorDead, c.dead)
	w.text(cursorFault, c.fault)
	w.time(cursorFailed, c.failed)
	w.time(cursorSucceeded, c.succeeded)
	w.number(cursorDelivered, c.delivered)
	w.flag(cursorRefused, c.refused)
	w.number(cursorLeftOut, c.leftOut)
	w.number(cursorProbed, c.probed)
	return w
}

func decodePushCursor(data []byte) (*pushCursor, error) {
	c := &pushCursor{}
	err := readWire(data, func(field protowire.Number, n uint64, b []byte) {
		switch field {
		case cursorSeq:
			c.seq = n
		case cursorDue:
			c.due = wireTime(n)
		case cursorFence:
			c.fence = n
		case cursorOwner:
			c.owner = string(b)
		case cursorAttempts:
			c.attempts = int(n)
		case cursorFailing:
			c.failing = wireTime(n)
		case cursorDead:
			c.dead = n != 0
		case cursorFault:
			c.fault = string(b)
		case cursorFailed:
			c.failed = wireTime(n)
		case cursorSucceeded:
			c.succeeded = wireTime(n)
		case cursorDelivered:
			c.delivered = n
		case cursorRefused:
			c.refused = n != 0
		case cursorLeftOut:
			c.leftOut = n
		case cursorProbed:
			c.probed = n
		}
	})
	if err != nil {
		return nil, fmt.Errorf("task: push cursor: %w", err)
	}
	return c, nil
}

// getPushCursor returns nil and no error when there is none.
func getPushCursor(tx storage.Tx, taskID, id string) (*pushCursor, error) {
	value, err := tx.Get(pushCursorKey(taskID, id))
	if errors.Is(err, storage.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return decodePushCursor(value)
}
