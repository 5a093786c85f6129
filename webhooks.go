package carrel

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"
	"google.golang.org/protobuf/proto"

	"github.com/carrelhq/carrel/internal/egress"
	"github.com/carrelhq/carrel/internal/seal"
	"github.com/carrelhq/carrel/server/v03"
	"github.com/carrelhq/carrel/task"
	"github.com/carrelhq/carrel/task/push"
)

// openEgress prepares the way out, and the keys that come of the one in the key file.
func (h *house) openEgress(context.Context) error {
	allow, err := egress.ParseAllow(h.opts.AllowEgress)
	if err != nil {
		return err
	}
	h.guard = egress.New(egress.Options{Allow: allow, Logger: h.opts.Logger, Telemetry: h.telemetry})
	path := h.opts.KeyFile
	if path == "" && h.opts.DataDir != "" {
		if err := os.MkdirAll(h.opts.DataDir, 0o700); err != nil {
			return err
		}
		path = filepath.Join(h.opts.DataDir, SecretKeyFile)
	}
	if path == "" {
		return nil
	}
	master, err := seal.File(path, true)
	if err != nil {
		return fmt.Errorf("key of secrets: %w", err)
	}
	if h.tokens, err = seal.Derive(master, "page tokens"); err != nil {
		return err
	}
	if h.secrets, err = seal.New(master, "webhooks"); err != nil {
		return err
	}
	if h.linkKey, err = seal.Derive(master, "links"); err != nil {
		return err
	}
	h.cardSecrets, err = seal.New(master, "cards")
	return err
}

func (h *house) pushOptions() *task.PushOptions {
	if h.secrets == nil {
		return nil
	}
	return &task.PushOptions{Secrets: h.secrets, CheckURL: func(url string) error {
		_, err := egress.CheckURL(url)
		return err
	}}
}

func (h *house) buildPusher(context.Context) (err error) {
	if h.secrets == nil {
		return nil
	}
	h.pusher, err = push.New(h.tasks, h.guard, push.Options{
		Payloads:  map[string]push.Payload{v03.Version: h.payload03},
		Links:     h.linksOf,
		Rate:      h.opts.WebhookRate,
		SoftStop:  h.opts.SoftStop,
		UserAgent: "carrel/" + h.opts.Version,
		Logger:    h.opts.Logger,
		Telemetry: h.telemetry,
	})
	return err
}

// linksOf are the links in what a webhook is sent.
func (h *house) linksOf(tenant string) task.Link { return h.links.At(h.url, tenant) }

// maxTask03 is the most bytes of events that a task has that is sent to a webhook
// of A2A 0.3 as it is: it is sent with each change of its status, and many of them
// are on their way at a time.
const maxTask03 = 1 << 20

// payload03 is what a webhook of A2A 0.3 is sent: the task as it is, whenever its
// status changes, or the message that an agent answers with. A task that is too
// large is sent without its history and artifacts.
func (h *house) payload03(ctx context.Context, d *task.Delivery, e task.Event) (contentType string, body []byte, err error) {
	var reply proto.Message = e.Body
	ctx = task.WithRoom(ctx, func(bytes uint64) bool { return bytes <= maxTask03 })
	switch e.Body.GetPayload().(type) {
	case *a2apb.StreamResponse_ArtifactUpdate:
		return "", nil, nil
	case *a2apb.StreamResponse_Task, *a2apb.StreamResponse_StatusUpdate:
		var t *a2apb.Task
		t, _, err = h.tasks.Log().Snapshot(ctx, d.Ref, d.TaskID)
		reply = h.linksOf(d.Tenant).Task(t)
	}
	switch update := e.Body.GetStatusUpdate(); {
	case errors.Is(err, task.ErrNoRoom) && update == nil:
		reply, err = e.Body.GetTask(), nil // as it began
	case errors.Is(err, task.ErrNoRoom):
		reply, err = &a2apb.Task{Id: update.TaskId, ContextId: update.ContextId, Status: update.Status}, nil
	case errors.Is(err, task.ErrTaskNotFound):
		return "", nil, nil
	case err != nil:
		return "", nil, fmt.Errorf("%w: %w", push.ErrLater, err)
	}
	body, err = v03.Append(nil, reply, v03.JSONRPC)
	return "application/json", body, err
}

// push delivers to webhooks until ctx ends.
func (h *house) push(ctx context.Context) error {
	if h.pusher == nil {
		return nil
	}
	return h.pusher.Run(ctx)
}
