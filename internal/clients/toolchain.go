package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// toolchain is what suites of one language need. Packages are fetched into a
// folder that version control ignores, again only when what is pinned changes.
type toolchain struct {
	dir string
	// check prints the toolchain's version, or fails and says why it will not do.
	check []string
	// pinned is the file that pins the packages, folder where they are put.
	pinned, folder string
	install        [][]string

	version string
	err     error
}

// missingError is why a toolchain cannot be had here.
type missingError struct{ error }

// venvPython is the interpreter that sees the packages, from the suites' folder.
var venvPython = filepath.Join(".venv", "bin", "python")

func newPython() *toolchain {
	return &toolchain{
		dir:    inHome("python"),
		check:  []string{"python3", "-c", "import sys, venv, ensurepip; assert sys.version_info >= (3, 10), 'Python 3.10 is needed'; print('Python', sys.version.split()[0])"},
		pinned: "requirements.txt", folder: ".venv",
		install: [][]string{
			{"python3", "-m", "venv", "--clear", ".venv"},
			{venvPython, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary=:all:", "--require-hashes", "-r", "requirements.txt"},
		},
	}
}

func newNode() *toolchain {
	return &toolchain{
		dir:    inHome("js"),
		check:  []string{"node", "-e", "if (parseInt(process.versions.node) < 20) throw new Error('Node 20 is needed'); console.log('Node', process.versions.node)"},
		pinned: "package-lock.json", folder: "node_modules",
		install: [][]string{{"npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"}},
	}
}

// prepare looks whether the toolchain is there and fetches its packages; err says
// why suites cannot be run.
func (t *toolchain) prepare(ctx context.Context) {
	version, err := t.command(ctx, t.check)
	if err == nil {
		t.version = version
		err = t.fetch(ctx)
	}
	if err != nil {
		t.err = &missingError{err}
	}
}

// fetch installs the packages, unless the folder has a stamp that says it holds them.
func (t *toolchain) fetch(ctx context.Context) error {
	pinned, err := os.ReadFile(filepath.Join(t.dir, t.pinned))
	if err != nil {
		return err
	}
	want := fmt.Appendf(nil, "%x %s\n", sha256.Sum256(pinned), t.version)
	stamp := filepath.Join(t.dir, t.folder, "carrel-installed")
	if have, err := os.ReadFile(stamp); err == nil && bytes.Equal(have, want) {
		return nil
	}
	fmt.Printf("fetching the packages of %s\n", filepath.Join(home, filepath.Base(t.dir), t.pinned))
	for _, command := range t.install {
		if _, err := t.command(ctx, command); err != nil {
			return err
		}
	}
	return os.WriteFile(stamp, want, 0o644)
}

// command runs a command in the folder. Its error is one line: the last that the
// command complained with.
func (t *toolchain) command(ctx context.Context, args []string) (string, error) {
	out, err := output(ctx, t.dir, nil, args...)
	if err != nil {
		lines := strings.Split(strings.TrimSpace(err.Error()), "\n")
		err = fmt.Errorf("%s: %s", args[0], lines[len(lines)-1])
	}
	return out, err
}
