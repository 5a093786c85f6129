package clients

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// notRun skips a test for what is missing on this machine; in CI nothing may be.
func notRun(t *testing.T, why string, output []byte) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf("%s\n%s", why, output)
	}
	t.Skipf("NOT RUN: %s\n%s", why, output)
}

// pythonWith is a Python that has what the file of requirements names.
func pythonWith(t *testing.T, requirements string) string {
	t.Helper()
	python, err := exec.LookPath("python3")
	if err != nil {
		notRun(t, "there is no python3", nil)
	}
	dir := installed(t, requirements, func(dir string) *exec.Cmd {
		return exec.Command("sh", "-ec", `"$0" -m venv "$1" && "$1/bin/pip" install --quiet --disable-pip-version-check --require-hashes -r "$2"`, python, dir, requirements)
	})
	return filepath.Join(dir, "bin", "python")
}

// npmInstalled is a copy of the folder with what its lock file names.
func npmInstalled(t *testing.T, folder string) string {
	t.Helper()
	for _, tool := range []string{"node", "npm"} {
		if _, err := exec.LookPath(tool); err != nil {
			notRun(t, "there is no "+tool, nil)
		}
	}
	lock := filepath.Join(folder, "package-lock.json")
	dir := installed(t, lock, func(dir string) *exec.Cmd {
		return exec.Command("sh", "-ec", `mkdir -p "$1" && cp "$0"/package*.json "$1" && cd "$1" && npm ci --ignore-scripts --silent --no-audit --no-fund`, folder, dir)
	})
	work := t.TempDir() // modules are looked for beside the script
	if err := os.CopyFS(work, os.DirFS(folder)); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(dir, "node_modules"), filepath.Join(work, "node_modules")); err != nil {
		t.Fatal(err)
	}
	return work
}

// installing is held by who installs: two tests may want the same.
var installing sync.Mutex

// installed is the folder, named for the file's content, into which the command
// has installed it. It is made once for each content.
func installed(t *testing.T, file string, install func(dir string) *exec.Cmd) string {
	t.Helper()
	installing.Lock()
	defer installing.Unlock()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(content)
	dir := filepath.Join(cache, "carrel-clients", filepath.Base(file)+"-"+hex.EncodeToString(sum[:8]))
	done := filepath.Join(dir, "installed")
	if _, err := os.Stat(done); err == nil {
		return dir
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	t.Logf("installing %s into %s", file, dir)
	if output, err := install(dir).CombinedOutput(); err != nil {
		notRun(t, "installing "+file+" failed: "+err.Error(), output)
	}
	if err := os.WriteFile(done, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}
