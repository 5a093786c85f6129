package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
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
		eachCommand(child, visit)
	}
}

func TestTheReferenceIsWhatHelpSays(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	fmt.Fprint(&out, "# Commands\n\nWhat `carrel COMMAND --help` says. The file is rewritten by `go test ./cmd/carrel -update`.\n")
	eachCommand(newRootCommand(program{}), func(cmd *cobra.Command) {
		if cmd.Runnable() || cmd.HasParent() {
			fmt.Fprintf(&out, "\n## %s\n\n```\n%s```\n", cmd.CommandPath(), helpOf(cmd))
		}
	})
	golden(t, "../../docs/cli.md", out.Bytes())
}

func helpOf(cmd *cobra.Command) string {
	var out bytes.Buffer
	cmd.SetOut(&out)
	cmd.InitDefaultHelpFlag()
	cmd.Help()
	lines := strings.Split(strings.TrimRight(out.String(), "\n"), "\n")
	for i, line := range lines {
		lines[i] = strings.TrimRight(line, " ")
	}
	return strings.Join(lines, "\n") + "\n"
}

func TestTheREADMENamesCommandsAndFlagsThatThereAre(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	root := newRootCommand(program{})
	root.InitDefaultCompletionCmd()
	lines := commandLines(string(readme))
	if len(lines) < 10 {
		t.Errorf("only %d command lines were found in the README", len(lines))
	}
	for _, line := range lines {
		checkCommandLine(t, root, line)
	}
}

// commandLines are the uses of the program in a document: in lines of code
// blocks, and between backquotes.
func commandLines(document string) []string {
	var lines []string
	block := false
	for line := range strings.Lines(document) {
		if strings.HasPrefix(line, "```") {
			block = !block
			continue
		}
		pieces := []string{line}
		if !block {
			pieces = strings.Split(line, "`")
		}
		for i, piece := range pieces {
			if _, after, ok := strings.Cut(piece, "./cmd/carrel "); ok {
				piece = "carrel " + after
			}
			piece = strings.TrimPrefix(piece, "$ ")
			if (block || i%2 == 1) && strings.HasPrefix(piece, "carrel ") {
				lines = append(lines, strings.TrimSpace(piece))
			}
		}
	}
	return lines
}

func checkCommandLine(t *testing.T, root *cobra.Command, line string) {
	t.Helper()
	words := strings.Fields(line)[1:]
	cmd, _, err := root.Find(words)
	if err != nil || cmd == root {
		t.Errorf("%q: there is no such command", line)
		return
	}
	for _, word := range words {
		name, isFlag := strings.CutPrefix(word, "--")
		name, _, _ = strings.Cut(strings.Trim(name, "[],;."), "=")
		if isFlag && name != "help" && cmd.Flags().Lookup(name) == nil {
			t.Errorf("%q: %s has no flag --%s", line, cmd.CommandPath(), name)
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
