package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"time"
)

// suite is a program of tests in the language of a client.
type suite struct {
	name    string
	tools   *toolchain
	command []string       // run in the toolchain's folder
	count   *regexp.Regexp // of the tests that the program says it ran
}

// limit ends a suite that hangs.
const limit = 5 * time.Minute

var (
	unittests = regexp.MustCompile(`(?m)^Ran (\d+) tests? in`)
	nodeTests = regexp.MustCompile(`(?m)^\S* ?pass (\d+)$`)
)

func suites(python, node *toolchain) []suite {
	return []suite{
		{"Python a2a-sdk 1.3.0, over JSON-RPC, REST and gRPC", python, []string{venvPython, "test_a2a.py"}, unittests},
		{"JavaScript @a2a-js/sdk 1.3.0, over JSON-RPC, REST and gRPC", node, []string{"node", "--test", "--test-reporter=spec", "v1.test.mjs"}, nodeTests},
	}
}

// run runs the suite. What it returns beside an error is all that the suite said.
func (s suite) run(ctx context.Context, env []string) (string, error) {
	if s.tools.err != nil {
		return "", s.tools.err
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, s.command[0], s.command[1:]...)
	cmd.Dir = s.tools.dir
	cmd.Env = append(os.Environ(), env...)
	cmd.WaitDelay = 5 * time.Second
	out, err := cmd.CombinedOutput()
	if err != nil {
		return string(out), errors.Join(err, context.Cause(ctx))
	}
	n := s.count.FindSubmatch(out)
	if n == nil || string(n[1]) == "0" {
		return string(out), errors.New("no tests were run")
	}
	return fmt.Sprintf("%s tests, %s", n[1], s.tools.version), nil
}
