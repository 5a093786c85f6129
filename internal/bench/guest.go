package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"

	"github.com/carrelhq/carrel"
)

// guestSection loads carrel with a Go guest, in a sandbox per task.
func guestSection(ctx context.Context, s settings, t *table) error {
	p := peer{
		name: "carrel, durable, Go guest", dialect: blocking, path: "/agents/default/conformance",
		command: installGuest, portFlag: []string{"--port"},
	}
	for _, clients := range clientCounts {
		figure, err := echoUnder(ctx, s, p, clients)
		if err != nil {
			return err
		}
		t.add(echoRow(clients, p), figure.String(), "", "reported")
	}
	return nil
}

// installGuest builds the conformance agent, which echoes what is no command,
// and returns the command that serves it.
func installGuest(ctx context.Context, dir string) ([]string, error) {
	guest := filepath.Join(dir, "conformance.wasm")
	build := exec.CommandContext(ctx, "go", "build", "-buildmode=c-shared", "-ldflags", "-s -w", "-o", guest, ".")
	build.Dir = filepath.Join("guests", "go", "conformance")
	build.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm")
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%s: %w: %s", build, err, out)
	}
	data, err := os.MkdirTemp(dir, "data-")
	if err != nil {
		return nil, err
	}
	self, err := os.Executable()
	return []string{self, "guest", "--module", guest, "--data", data}, err
}

// serveGuest runs carrel with an uploaded module.
func serveGuest(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("guest", flag.ContinueOnError)
	port := flags.Int("port", 0, "the port to listen on")
	data := flags.String("data", "", "the folder of the store")
	module := flags.String("module", "", "the module to upload")
	profile := flags.String("profile", "", "write a CPU profile to this file")
	if err := flags.Parse(args); err != nil {
		return err
	}
	stop, err := startProfile(*profile)
	if err != nil {
		return err
	}
	defer stop()
	server, err := carrel.New(ctx, carrel.Options{DataDir: *data, Addr: "127.0.0.1:" + strconv.Itoa(*port), Dev: true})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- server.Run(ctx) }()
	if err := upload(ctx, server.URL(), *module); err != nil {
		cancel()
		return errors.Join(err, <-done)
	}
	fmt.Println("ready")
	return <-done
}

func upload(ctx context.Context, base, module string) error {
	file, err := os.Open(module)
	if err != nil {
		return err
	}
	defer file.Close()
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, base+"/api/v1/tenants/default/agents/conformance", file)
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/wasm")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if text, _ := io.ReadAll(io.LimitReader(resp.Body, 1000)); resp.StatusCode >= 300 {
		return fmt.Errorf("upload: %s: %s", resp.Status, text)
	}
	return nil
}
