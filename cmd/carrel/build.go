package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// toolchain builds the agent in a folder to a module.
type toolchain struct {
	name string
	// sources are the extensions of files whose change asks for a rebuild.
	sources []string
	build   func(ctx context.Context, dir, out string, log io.Writer, env []string) error
}

// errBuild is returned for a build that failed; the compiler has said why.
var errBuild = errors.New("the build failed")

// findToolchain tells by what is in the folder how it is built.
func findToolchain(dir string) (toolchain, error) {
	info, err := os.Stat(dir)
	if err != nil {
		return toolchain{}, err
	}
	if !info.IsDir() {
		return toolchain{}, usagef("%s is a file; name the folder of the agent's source", dir)
	}
	switch {
	case has(dir, "*.go"):
		return goToolchain(), nil
	case has(dir, "Cargo.toml"):
		return toolchain{}, fmt.Errorf("%s is a Rust project; carrel dev builds Go so far: build it yourself for wasm32-wasip1 and upload it with 'carrel push'", dir)
	case has(dir, "package.json"), has(dir, "*.ts"), has(dir, "*.js"):
		return toolchain{}, fmt.Errorf("%s is a JavaScript project; carrel dev builds Go so far", dir)
	}
	return toolchain{}, fmt.Errorf("%s holds no agent: there is no Go file in it", dir)
}

func has(dir, pattern string) bool {
	matches, err := filepath.Glob(filepath.Join(dir, pattern))
	return err == nil && len(matches) > 0
}

func goToolchain() toolchain {
	return toolchain{
		name:    "go",
		sources: []string{".go", ".mod", ".sum", ".work"},
		build:   buildGo,
	}
}

// buildGo builds a Go agent: a reactor, whose exports are called and whose main never runs.
func buildGo(ctx context.Context, dir, out string, log io.Writer, env []string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-buildmode=c-shared", "-ldflags", "-s -w", "-o", out, ".")
	cmd.Dir = dir
	cmd.Env = append(withoutTarget(env), "GOOS=wasip1", "GOARCH=wasm")
	cmd.Stdout, cmd.Stderr = log, log
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) && ctx.Err() == nil {
		return errBuild
	}
	if errors.Is(err, exec.ErrNotFound) {
		return fmt.Errorf("the go command is not in PATH; install Go from https://go.dev/dl")
	}
	return errors.Join(err, ctx.Err())
}

func withoutTarget(env []string) []string {
	var kept []string
	for _, e := range env {
		if !strings.HasPrefix(e, "GOOS=") && !strings.HasPrefix(e, "GOARCH=") {
			kept = append(kept, e)
		}
	}
	return kept
}
