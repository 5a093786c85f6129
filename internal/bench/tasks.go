package main

import (
	"context"
	"encoding/json"

	"github.com/carrelhq/carrel/abi"
	"github.com/carrelhq/carrel/host"
	"github.com/carrelhq/carrel/storage"
)

// noTasks is a task that keeps nothing: what is measured with it is the sandbox.
type noTasks struct{}

var nothing = host.Effect{Apply: func(storage.Tx) error { return nil }}

// Update implements host.Tasks.
func (noTasks) Update(_ context.Context, fn func(storage.Tx) error) error { return fn(nil) }

// Status implements host.Tasks.
func (noTasks) Status(context.Context, abi.TaskStatusRequest) (host.Effect, error) {
	return nothing, nil
}

// Artifact implements host.Tasks.
func (noTasks) Artifact(context.Context, abi.TaskArtifactRequest) (host.Effect, error) {
	return nothing, nil
}

// Line implements host.Tasks.
func (noTasks) Line(string, string) host.Effect { return nothing }

// Task implements host.Tasks.
func (noTasks) Task(context.Context) (json.RawMessage, error) { return json.RawMessage(`{}`), nil }

// LoadContext implements host.Tasks.
func (noTasks) LoadContext(context.Context) ([]byte, uint64, error) { return nil, 0, nil }

// SaveContext implements host.Tasks.
func (noTasks) SaveContext(_ context.Context, _ []byte, version uint64) (uint64, error) {
	return version + 1, nil
}

// History implements host.Tasks.
func (noTasks) History(context.Context, int) ([]json.RawMessage, error) { return nil, nil }

// ReadBlob implements host.Tasks.
func (noTasks) ReadBlob(context.Context, string, int64, int) ([]byte, int64, error) {
	return nil, 0, nil
}
