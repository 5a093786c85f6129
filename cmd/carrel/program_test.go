package main

import (
	"io"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

func TestExitCodes(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		args []string
		want int
	}{
		{"help", []string{"--help"}, exitOK},
		{"help of a command", []string{"help", "serve"}, exitOK},
		{"the version", []string{"version"}, exitOK},
		{"completion", []string{"completion", "bash"}, exitOK},
		{"an unknown command", []string{"sreve"}, exitUsage},
		{"an unknown flag", []string{"serve", "--port", "1"}, exitUsage},
		{"an argument too many", []string{"serve", "now"}, exitUsage},
		{"an argument too few", []string{"push"}, exitUsage},
		{"an argument of a subcommand too few", []string{"agents", "show"}, exitUsage},
		{"a file that is not there", []string{"check", "nothing.wasm"}, exitFailed},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got := invoke(t, nil, test.args...)
			if got.code != test.want {
				t.Errorf("exit code %d, want %d; %s%s", got.code, test.want, got.stdout, got.stderr)
			}
			if said := got.stderr != ""; said != (test.want != exitOK) {
				t.Errorf("standard error: %q", got.stderr)
			}
		})
	}
}

func TestAWrongNumberOfArgumentsIsNamed(t *testing.T) {
	t.Parallel()
	for want, args := range map[string][]string{
		"carrel push needs FILE.wasm; FILE.wasm is missing": {"push"},
		"carrel send needs AGENT TEXT; TEXT is missing":     {"send", "counter"},
		`carrel send takes AGENT TEXT; "there" is too much`: {"send", "counter", "hello", "there"},
		`carrel push takes FILE.wasm; "a.wasm" is too much`: {"push", "counter", "a.wasm"},
		"carrel agents show needs AGENT; AGENT is missing":  {"agents", "show"},
	} {
		if got := invoke(t, nil, args...); !strings.Contains(got.stderr, want) {
			t.Errorf("%q: %q, want %q", args, got.stderr, want)
		}
	}
}

func TestEveryCommandThatPrintsTakesJSON(t *testing.T) {
	t.Parallel()
	silent := map[string]bool{"serve": true, "dev": true, "completion": true, "help": true}
	eachCommand(newRootCommand(program{stdout: io.Discard, stderr: io.Discard}), func(cmd *cobra.Command) {
		if cmd.Runnable() && !silent[cmd.Name()] && cmd.Flags().Lookup("json") == nil {
			t.Errorf("%s has no --json", cmd.CommandPath())
		}
	})
}

func TestEveryCommandHasItsHelp(t *testing.T) {
	t.Parallel()
	eachCommand(newRootCommand(program{}), func(cmd *cobra.Command) {
		if cmd.Short == "" || strings.HasSuffix(cmd.Short, ".") {
			t.Errorf("%s: the short help is %q", cmd.CommandPath(), cmd.Short)
		}
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			if f.Usage == "" {
				t.Errorf("%s: --%s has no help", cmd.CommandPath(), f.Name)
			}
		})
	})
}

func eachCommand(cmd *cobra.Command, visit func(*cobra.Command)) {
	visit(cmd)
	for _, child := range cmd.Commands() {
		if child.Name() != compileName { // which no person calls
			eachCommand(child, visit)
		}
	}
}

func TestWhatOthersWroteCannotSteerTheTerminal(t *testing.T) {
	t.Parallel()
	if got := printable("a\x1b[31mb\x07\u009bc\td\n"); got != "a[31mbc\td\n" {
		t.Errorf("got %q", got)
	}
	if got := cell("a\n\tb\x00"); got != "a  b" {
		t.Errorf("got %q", got)
	}
}

func TestAgentsAreNamedAfterFilesAndFolders(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		"counter.wasm": "counter", "/a/b/My Agent": "my-agent", "x_y.wasm": "x-y", "--": "agent", "": "agent",
		"dir/" + strings.Repeat("a", 80): strings.Repeat("a", 63),
	} {
		if got := agentNameOf(path); got != want {
			t.Errorf("%q: got %q, want %q", path, got, want)
		}
	}
}
