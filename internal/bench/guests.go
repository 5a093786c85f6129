package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// The guests in C, which are kept built.
var (
	smallGuest = filepath.Join("internal", "bench", "guests", "small.wasm")
	workGuest  = filepath.Join("internal", "bench", "guests", "work.wasm")
	spinGuest  = filepath.Join("internal", "bench", "guests", "spin.wasm")
)

// jsonGuest builds the guest that reads and writes JSON by encoding/json.
func jsonGuest(ctx context.Context, dir string) (string, error) {
	return buildGuest(ctx, dir, "json", filepath.Join("internal", "bench", "guests", "json"))
}

// echoGuest builds the conformance agent, which echoes what is no command.
func echoGuest(ctx context.Context, dir string) (string, error) {
	return buildGuest(ctx, dir, "conformance", filepath.Join("guests", "go", "conformance"))
}

// buildGuest builds a guest in Go, once, and returns its file, named after it.
func buildGuest(ctx context.Context, dir, name, source string) (string, error) {
	guest := filepath.Join(dir, name+".wasm")
	if exists(guest) {
		return guest, nil
	}
	build := exec.CommandContext(ctx, "go", "build", "-buildmode=c-shared", "-ldflags", "-s -w", "-o", guest, ".")
	build.Dir = source
	build.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%s: %w: %s", build, err, out)
	}
	return guest, nil
}

// runRequest is what a guest is given for a message of one text.
func runRequest(text string) string {
	return fmt.Sprintf(`{"taskId":"1","contextId":"2","tenant":"t","agent":"a","run":1,"message":{"messageId":"3",`+
		`"role":"ROLE_USER","parts":[{"text":%q}]},"limits":{"runSeconds":600,"memoryBytes":67108864}}`, text)
}
