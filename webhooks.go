package carrel

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/carrelhq/carrel/internal/egress"
	"github.com/carrelhq/carrel/internal/seal"
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
	h.secrets, err = seal.New(master, "webhooks")
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
		SoftStop:  h.opts.SoftStop,
		UserAgent: "carrel/" + h.opts.Version,
		Logger:    h.opts.Logger,
		Telemetry: h.telemetry,
	})
	return err
}

// push delivers to webhooks until ctx ends.
func (h *house) push(ctx context.Context) error {
	if h.pusher == nil {
		return nil
	}
	return h.pusher.Run(ctx)
}
