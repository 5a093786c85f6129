// Package chromium drives a headless Chromium in tests of pages: a real one, the
// browser that is installed, over the pipe that it offers for that (the DevTools
// protocol with --remote-debugging-pipe). A pipe needs no WebSocket, and so no
// module beside the standard library; what pages need of the protocol is little.
//
// A test that finds no browser is skipped and says NOT RUN; where the environment
// says CI=true it fails instead.
package chromium

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// patience bounds every step. It is far more than any takes, and only ends a test
// that hangs.
const patience = 90 * time.Second

// names are those that Chromium goes by.
var names = []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"}

// flags make it a browser for tests: nobody looks at it, it calls nobody, and no
// name but this machine's address leads anywhere. It is given no pages but ours,
// and root, who runs tests in containers, could not start it with its sandbox.
var flags = []string{
	"--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-dev-shm-usage", "--disable-extensions", "--mute-audio",
	"--disable-background-networking", "--disable-component-update", "--disable-sync",
	"--disable-background-timer-throttling", "--disable-backgrounding-occluded-windows", "--disable-renderer-backgrounding",
	"--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", "--remote-debugging-pipe",
}

// Browser is a running Chromium. It ends with the test.
type Browser struct {
	t    testing.TB
	pipe *pipe
}

// find returns the path of the browser, "" when none is installed.
func find() string {
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

// Start starts a browser with a profile of its own, or skips the test where none
// is installed.
func Start(t testing.TB) *Browser {
	t.Helper()
	path := find()
	if path == "" {
		if os.Getenv("CI") == "true" {
			t.Fatal("chromium is not installed: apt-get install -y chromium")
		}
		t.Skip("NOT RUN: chromium is not installed")
	}
	dir := t.TempDir()
	cmd := exec.Command(path, append(flags, "--user-data-dir="+filepath.Join(dir, "profile"))...)
	cmd.Env = append(os.Environ(), "HOME="+dir) // nothing of its user's
	toBrowser, requests, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	replies, fromBrowser, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.ExtraFiles = []*os.File{toBrowser, fromBrowser} // 3 and 4
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	toBrowser.Close()
	fromBrowser.Close()
	b := &Browser{t, newPipe(requests, replies)}
	t.Cleanup(func() { b.end(cmd) })
	return b
}

// end asks the browser to end, which ends its children too, and waits for it: it
// writes to its profile until then.
func (b *Browser) end(cmd *exec.Cmd) {
	timer := time.AfterFunc(patience, func() { cmd.Process.Kill() })
	defer timer.Stop()
	b.pipe.call("", "Browser.close", nil, nil) // it may be gone already
	b.pipe.close()
	cmd.Wait()
}
