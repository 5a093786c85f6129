package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
)

// Exit codes, as `carrel help` documents them.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

// program is one invocation, as a value, so that tests run the whole of it.
type program struct {
	args           []string
	env            []string
	stdin          io.Reader
	stdout, stderr io.Writer
	// compile is the command that compiles modules: this program in a process of
	// its own. Empty compiles in process.
	compile []string
}

// errUsage is wrapped around errors in how the program was called.
var errUsage = errors.New("usage")

// usageError is an error in how the program was called; its text is the cause's.
type usageError struct{ error }

func (usageError) Is(target error) bool { return target == errUsage }
func (e usageError) Unwrap() error      { return e.error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// errSilent ends the program with exitFailed when everything has been said.
var errSilent = errors.New("said already")

// run runs the program and returns its exit code.
func run(ctx context.Context, p program) int {
	root := newRootCommand(p)
	root.SetArgs(p.args)
	cmd, err := root.ExecuteContextC(ctx)
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, errSilent):
		return exitFailed
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		fmt.Fprintln(p.stderr, "carrel: interrupted")
		return exitFailed
	}
	fmt.Fprintf(p.stderr, "carrel: %s\n", printable(strings.TrimPrefix(err.Error(), "carrel: "))) // it may be a server's text
	if errors.Is(err, errUsage) || isCobraUsage(err) {
		fmt.Fprintf(p.stderr, "See '%s --help'.\n", cmd.CommandPath())
		return exitUsage
	}
	return exitFailed
}

// isCobraUsage recognises the one usage error that cobra gives no hook for.
func isCobraUsage(err error) bool { return strings.HasPrefix(err.Error(), "unknown command ") }

// lookup returns an environment variable of this invocation.
func (p program) lookup(name string) (string, bool) {
	for i := len(p.env) - 1; i >= 0; i-- {
		if value, ok := strings.CutPrefix(p.env[i], name+"="); ok {
			return value, true
		}
	}
	return "", false
}

func (p program) getenv(name string) string {
	value, _ := p.lookup(name)
	return value
}

func newRootCommand(p program) *cobra.Command {
	root := &cobra.Command{
		Use:   "carrel",
		Short: "Serve A2A agents that are WebAssembly modules",
		Long: `carrel serves A2A agents that are WebAssembly modules, each task in a sandbox of
its own, and is the tool to build, upload and talk to them.

Exit codes: 0 it worked, 1 it did not and standard error says why, 2 it was called wrongly.

The commands that talk to a server find it by --server or CARREL_SERVER, and their
key by --token, CARREL_TOKEN, or the file operator.key in the server's data folder.`,
		SilenceUsage:      true,
		SilenceErrors:     true,
		DisableAutoGenTag: true,
	}
	root.SetIn(p.stdin)
	root.SetOut(p.stdout)
	root.SetErr(p.stderr)
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	root.AddGroup(
		&cobra.Group{ID: groupServe, Title: "Serving:"},
		&cobra.Group{ID: groupModule, Title: "Modules, without a server:"},
		&cobra.Group{ID: groupAgent, Title: "Agents on a server:"},
		&cobra.Group{ID: groupTalk, Title: "Talking A2A:"},
	)
	root.AddCommand(
		newServeCommand(p), newDevCommand(p), newConfigCommand(p), newKeysCommand(p), newBackupCommand(p),
		newCheckCommand(p), newRunCommand(p),
		newPushCommand(p), newAgentsCommand(p),
		newSendCommand(p), newSubscribeCommand(p), newCancelCommand(p), newTasksCommand(p), newLogsCommand(p), newCardCommand(p),
		newVersionCommand(p), newCompileCommand(p),
	)
	for _, cmd := range root.Commands() {
		checkArgsAsUsage(cmd)
	}
	return root
}

// Groups of commands in the help.
const (
	groupServe  = "serve"
	groupModule = "module"
	groupAgent  = "agent"
	groupTalk   = "talk"
)

// asUsed takes the arguments that the command's usage line names.
func asUsed(cmd *cobra.Command, args []string) error {
	usage, _, _ := strings.Cut(cmd.Use, " --")
	_, names, _ := strings.Cut(usage, " ")
	want := strings.Fields(names)
	switch {
	case len(args) < len(want):
		return fmt.Errorf("%s needs %s; %s is missing", cmd.CommandPath(), names, want[len(args)])
	case len(args) > len(want):
		return fmt.Errorf("%s takes %s; %q is too much", cmd.CommandPath(), names, args[len(want)])
	}
	return nil
}

// checkArgsAsUsage makes a wrong number of arguments a usage error, everywhere.
func checkArgsAsUsage(cmd *cobra.Command) {
	if check := cmd.Args; check != nil {
		cmd.Args = func(cmd *cobra.Command, args []string) error {
			if err := check(cmd, args); err != nil {
				return usageError{err}
			}
			return nil
		}
	}
	for _, child := range cmd.Commands() {
		checkArgsAsUsage(child)
	}
}
