package clients

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"regexp"
	"testing"
	"time"
)

// suiteTime bounds what a suite needs.
const suiteTime = 3 * time.Minute

// How the test runners of both languages say how many tests passed.
var (
	ranPython = regexp.MustCompile(`(?m)^Ran (\d+) tests? in`)
	ranNode   = regexp.MustCompile(`(?m)^\S+ pass (\d+)$`)
)

// TestPython drives the server with a2a-sdk of PyPI.
func TestPython(t *testing.T) {
	t.Parallel()
	runPython(t, "test_a2a.py")
}

// TestJavaScript drives the server with @a2a-js/sdk of npm.
func TestJavaScript(t *testing.T) {
	t.Parallel()
	runNode(t, "v1.test.mjs")
}

// TestPythonIn03 drives the server with a2a-sdk as it speaks A2A 0.3.
func TestPythonIn03(t *testing.T) {
	t.Parallel()
	runPython(t, "test_a2a_v03.py")
}

// TestFastA2A drives the server with fasta2a of PyPI, which has a dialect of A2A 0.3.
func TestFastA2A(t *testing.T) {
	t.Parallel()
	runPython(t, "test_fasta2a.py")
}

// TestJavaScriptOf03 drives the server with the last @a2a-js/sdk that speaks A2A 0.3 only.
func TestJavaScriptOf03(t *testing.T) {
	t.Parallel()
	runNode(t, "v03.test.mjs")
}

func runPython(t *testing.T, file string) {
	t.Helper()
	cmd := exec.Command(pythonWith(t, "python/requirements.txt"), "-B", file)
	cmd.Dir = "python"
	runSuite(t, cmd, ranPython)
}

func runNode(t *testing.T, file string) {
	t.Helper()
	cmd := exec.Command("node", "--test", "--test-reporter=spec", file)
	cmd.Dir = npmInstalled(t, "javascript")
	runSuite(t, cmd, ranNode)
}

// runSuite runs a program of tests against the server.
func runSuite(t *testing.T, cmd *exec.Cmd, ran *regexp.Regexp) {
	t.Helper()
	s := theServer(t)
	cmd.Env = append(os.Environ(), "CARREL_AGENT="+s.base, "CARREL_TOKEN="+s.key)
	output := within(t, suiteTime, cmd)
	n := ran.FindStringSubmatch(output)
	if n == nil || n[1] == "0" {
		t.Fatalf("no tests were run:\n%s", output)
	}
	t.Logf("%s tests", n[1])
}

// within runs a command, which must end well in time, and returns its output.
func within(t *testing.T, most time.Duration, cmd *exec.Cmd) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), most)
	defer cancel()
	limited := exec.CommandContext(ctx, cmd.Path, cmd.Args[1:]...)
	limited.Dir, limited.Env, limited.WaitDelay = cmd.Dir, cmd.Env, 5*time.Second
	output, err := limited.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", cmd, errors.Join(err, ctx.Err()), output)
	}
	return string(output)
}
