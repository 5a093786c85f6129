package main

import (
	"context"
	"os"
)

// guestPeer is carrel with a Go guest, which has a sandbox for each task.
func guestPeer() peer {
	return peer{
		name: "carrel, durable, Go guest", dialect: blocking, path: "/agents/default/conformance",
		aim: "≤ 0.22 ms CPU", command: installGuest, portFlag: []string{"--port"},
	}
}

// installGuest builds the conformance agent and returns the command that serves it.
func installGuest(ctx context.Context, dir string) ([]string, error) {
	guest, err := echoGuest(ctx, dir)
	if err != nil {
		return nil, err
	}
	return serving(dir, "default/conformance="+guest)
}

// serving returns the command that serves these uploads with a store of its own below dir.
func serving(dir string, uploads ...string) ([]string, error) {
	data, err := os.MkdirTemp(dir, "data-")
	if err != nil {
		return nil, err
	}
	return servingFrom(data, uploads...)
}

// servingFrom is [serving] with the store in data.
func servingFrom(data string, uploads ...string) ([]string, error) {
	self, err := os.Executable()
	command := []string{self, "guests", "--data", data}
	for _, u := range uploads {
		command = append(command, "--upload", u)
	}
	return command, err
}
