package task

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"
	"google.golang.org/protobuf/proto"

	"github.com/carrelhq/carrel/storage"
)

// ErrTooManyConfigs: the task has as many push notification configs as it may.
var ErrTooManyConfigs = errors.New("too many push notification configs")

// PushOptions let a manager take push notification configs.
type PushOptions struct {
	// Secrets encrypts configs for storage. Required.
	Secrets Secrets
	// CheckURL tells what is wrong with the URL of a webhook, as a phrase. Required.
	CheckURL func(url string) error
	// MaxConfigs bounds the configs of a task (10).
	MaxConfigs int
}

// Secrets encrypts what is kept in a place, and opens it there only.
type Secrets interface {
	Seal(plain, place []byte) []byte
	Open(sealed, place []byte) ([]byte, error)
}

func (o *PushOptions) complete() (*PushOptions, error) {
	if o == nil {
		return nil, nil
	}
	out := *o
	out.MaxConfigs = cmp.Or(out.MaxConfigs, DefaultPushConfigs)
	if out.Secrets == nil || out.CheckURL == nil || out.MaxConfigs < 0 || out.MaxConfigs > MaxPushConfigs {
		return nil, fmt.Errorf("task: Push needs Secrets, CheckURL and at most %d configs", MaxPushConfigs)
	}
	return &out, nil
}

// PushSupported tells whether push notification configs are taken.
func (m *Manager) PushSupported() bool { return m.opts.Push != nil }

type versionKey struct{}

// WithVersion returns a context that says in which version of the protocol a
// request came ("1.0" without one): a webhook that it registers is sent what
// that version has.
func WithVersion(ctx context.Context, version string) context.Context {
	return context.WithValue(ctx, versionKey{}, version)
}

func versionOf(ctx context.Context) string {
	version, _ := ctx.Value(versionKey{}).(string)
	return cmp.Or(version, "1.0")
}

// CreatePushConfig registers a webhook for the task's events from now on, and
// returns the config as it is kept, with an id if it had none. A config whose id
// is there already is replaced; it goes on behind the last event that was
// delivered, also when it had been given up. On a finished task the webhook is
// sent the event that finished it. ErrTooManyConfigs, ErrTaskNotFound, or a
// [FieldError]; section 3.1.7.
func (m *Manager) CreatePushConfig(ctx context.Context, ref Ref, config *a2apb.TaskPushNotificationConfig) (*a2apb.TaskPushNotificationConfig, error) {
	if !m.PushSupported() {
		return nil, ErrPushNotSupported
	}
	id := config.GetTaskId()
	if id == "" {
		return nil, &FieldError{"taskId", "is required"}
	}
	if err := m.checkPushConfig(config, ""); err != nil {
		return nil, err
	}
	push, err := m.sealed(ctx, taskPlace{ref.Tenant, id}, config)
	if err != nil {
		return nil, err
	}
	err = m.change(ctx, ref.Tenant, id, func(e *edit) error {
		if !e.h.shownTo(ref.Agent) {
			return ErrTaskNotFound
		}
		return e.register(push, m.opts.Push)
	})
	if err != nil {
		return nil, err
	}
	return push.config, nil
}

// registration is a config on its way to its record.
type registration struct {
	config *a2apb.TaskPushNotificationConfig // as it is shown
	record []byte                            // as it is stored
}

// registration checks the config of a message, nil when there is none. Its taskId
// counts for nothing: the message says which task it is.
func (m *Manager) registration(ctx context.Context, place taskPlace, config *a2apb.TaskPushNotificationConfig) (*registration, error) {
	if config == nil {
		return nil, nil
	}
	if !m.PushSupported() {
		return nil, ErrPushNotSupported
	}
	if err := m.checkPushConfig(config, "configuration.taskPushNotificationConfig."); err != nil {
		return nil, err
	}
	return m.sealed(ctx, place, config)
}

// sealed completes a config that was checked.
func (m *Manager) sealed(ctx context.Context, place taskPlace, config *a2apb.TaskPushNotificationConfig) (*registration, error) {
	kept := proto.CloneOf(config)
	kept.Id, kept.TaskId = cmp.Or(kept.Id, newID()), place.id
	record, err := pushConfig{kept, versionOf(ctx)}.seal(m.opts.Push.Secrets, place)
	return &registration{kept, record}, err
}

// register adds a config to the task, for the events from now on; to a finished
// one for the event that finished it, as nothing else would come.
func (e *edit) register(push *registration, opts *PushOptions) error {
	if push == nil {
		return nil
	}
	after := e.h.seq
	if Terminal(e.h.state) {
		after--
	}
	return e.putPush(push.config.Id, push.record, after, opts.MaxConfigs)
}

// GetPushConfig returns a config, secrets included; ErrTaskNotFound when the task
// has no such config. Section 3.1.8.
func (m *Manager) GetPushConfig(ctx context.Context, ref Ref, taskID, id string) (config *a2apb.TaskPushNotificationConfig, err error) {
	err = m.viewPush(ctx, ref, taskID, func(tx storage.Tx) error {
		value, err := tx.Get(pushConfigKey(taskID, id))
		if errors.Is(err, storage.ErrNotFound) {
			return fmt.Errorf("%w: no such push notification config", ErrTaskNotFound)
		}
		if err != nil {
			return err
		}
		hook, err := openPushConfig(value, m.opts.Push.Secrets, taskPlace{ref.Tenant, taskID}, id)
		config = hook.config
		return err
	})
	return config, err
}

// viewPush runs fn on the tenant's scope if the task is there.
func (m *Manager) viewPush(ctx context.Context, ref Ref, taskID string, fn func(storage.Tx) error) error {
	if !m.PushSupported() {
		return ErrPushNotSupported
	}
	return m.view(ctx, ref.Tenant, func(tx storage.Tx) error {
		if _, err := getHead(tx, ref.Agent, taskID); err != nil {
			return err
		}
		return fn(tx)
	})
}

// ListPushConfigs returns the configs of a task in the order of their ids: all of
// them unless a page size is given. Section 3.1.9.
func (m *Manager) ListPushConfigs(ctx context.Context, ref Ref, req *a2apb.ListTaskPushNotificationConfigsRequest) (reply *a2apb.ListTaskPushNotificationConfigsResponse, err error) {
	size := int(req.GetPageSize())
	if size < 0 {
		return nil, &FieldError{"pageSize", "must not be negative"}
	}
	size = min(cmp.Or(size, MaxPushConfigs), MaxPushConfigs)
	id := req.GetTaskId()
	after, err := readPushToken(id, req.GetPageToken())
	if err != nil {
		return nil, err
	}
	err = m.viewPush(ctx, ref, id, func(tx storage.Tx) error {
		reply = &a2apb.ListTaskPushNotificationConfigsResponse{Configs: []*a2apb.TaskPushNotificationConfig{}}
		for item, err := range tx.Scan(pushConfigsKey(id), after) {
			if err != nil {
				return err
			}
			if n := len(reply.Configs); n == size {
				reply.NextPageToken = pushToken(reply.Configs[n-1].Id)
				return nil
			}
			hook, err := openPushItem(item, m.opts.Push.Secrets, taskPlace{ref.Tenant, id})
			if err != nil {
				return err
			}
			reply.Configs = append(reply.Configs, hook.config)
		}
		return nil
	})
	return reply, err
}

// A page token is the last config's id: it opens nothing but the task that the
// caller has shown to be allowed to see.
func pushToken(id string) string { return base64.RawURLEncoding.EncodeToString([]byte(id)) }

func readPushToken(taskID, token string) (storage.Key, error) {
	if token == "" {
		return nil, nil
	}
	id, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || len(id) > MaxID {
		return nil, &FieldError{"pageToken", "is not one that this query was answered with"}
	}
	return pushConfigKey(taskID, string(id)), nil
}

// DeletePushConfig removes a config; nothing more is sent to its webhook but what
// is on its way. Deleting one that is not there is no error. Section 3.1.10.
func (m *Manager) DeletePushConfig(ctx context.Context, ref Ref, taskID, id string) error {
	if !m.PushSupported() {
		return ErrPushNotSupported
	}
	return m.change(ctx, ref.Tenant, taskID, func(e *edit) error {
		if !e.h.shownTo(ref.Agent) {
			return ErrTaskNotFound
		}
		return e.removePush(id)
	})
}
