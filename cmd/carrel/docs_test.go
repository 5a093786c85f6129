package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"

	"github.com/carrelhq/carrel/runtime"
)

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

func TestTheRulesForModulesAreWhatCheckPrints(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	fmt.Fprint(&out, "# Rules for modules\n\nWhat an upload is held to before anybody may call it, as `carrel check --rules` lists it. A refusal names the rule,\n"+
		"the byte and section where it was broken, and what to do. The file is rewritten by `go test ./cmd/carrel -update`.\n\n"+
		"| rule | at most | what |\n|---|---|---|\n")
	for _, r := range runtime.Rules() {
		most := ""
		if r.Most > 0 {
			most = fmt.Sprint(r.Most)
		}
		fmt.Fprintf(&out, "| `%s` | %s | %s |\n", r.Name, most, r.What)
	}
	golden(t, "../../docs/modules.md", out.Bytes())
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
	root := newRootCommand(program{})
	root.InitDefaultCompletionCmd()
	lines := commandLines(readDocument(t, "README.md"))
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

var (
	// quotedFile is a code block of the README that is a file's whole text.
	quotedFile = regexp.MustCompile("(?s)<!-- file: (\\S+) -->\n```[a-z]*\n(.*?)```")
	codeBlock  = regexp.MustCompile("(?s)```.*?```")
	localLink  = regexp.MustCompile(`\]\(([^)#:]+)\)`)
)

func TestTheREADMEsCodeIsTheFiles(t *testing.T) {
	t.Parallel()
	quoted := quotedFile.FindAllStringSubmatch(readDocument(t, "README.md"), -1)
	if len(quoted) == 0 {
		t.Error("the README quotes no file")
	}
	for _, q := range quoted {
		if diff := cmp.Diff(readDocument(t, q[1]), q[2]); diff != "" {
			t.Errorf("%s: -file +README:\n%s", q[1], diff)
		}
	}
}

func TestTheREADMEsCurlLineIsTheOneThatDevPrints(t *testing.T) {
	t.Parallel()
	if line := curlLine("http://127.0.0.1:7333/agents/default/counter"); !strings.Contains(readDocument(t, "README.md"), "\n"+line+"\n") {
		t.Errorf("the README has not the line\n%s", line)
	}
}

func TestLinksOfTheDocumentsLeadSomewhere(t *testing.T) {
	t.Parallel()
	for _, document := range []string{"README.md", "RATIONALE.md", "CHANGELOG.md"} {
		for _, link := range localLink.FindAllStringSubmatch(codeBlock.ReplaceAllString(readDocument(t, document), ""), -1) {
			if _, err := os.Stat(filepath.Join("../..", link[1])); err != nil {
				t.Errorf("%s: %v", document, err)
			}
		}
	}
}

// readDocument reads a file of the repository.
func readDocument(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("../..", filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
