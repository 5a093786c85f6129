package main

import (
	"context"
	"fmt"
	"os"
)

// guestSection loads carrel with a Go guest, in a sandbox per task, and with a
// native worker in the same run.
func guestSection(ctx context.Context, s settings, t *table) error {
	p := peer{
		name: "carrel, durable, Go guest", dialect: blocking, path: "/agents/default/conformance",
		command: installGuest, portFlag: []string{"--port"},
	}
	for _, clients := range clientCounts {
		guest, err := echoUnder(ctx, s, p, clients)
		if err != nil {
			return err
		}
		native, err := echoUnder(ctx, s, carrelPeer("echo"), clients)
		if err != nil {
			return err
		}
		aim := "reported"
		if clients == 64 {
			aim = "≥ 0.75x"
		}
		t.add(echoRow(clients, p), guest.String(), fmt.Sprintf("%.2fx native", guest.perSecond()/native.perSecond()), aim)
		t.add(echoRow(clients, carrelPeer("echo")), native.String(), "", "")
	}
	return nil
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
