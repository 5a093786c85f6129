package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/carrelhq/carrel/abi"
)

var root = filepath.Join("..", "..")

func generated(t *testing.T) map[string][]byte {
	t.Helper()
	files, err := generate(root)
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestWhatIsGeneratedIsUpToDate(t *testing.T) {
	t.Parallel()
	for name, want := range generated(t) {
		got, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff(string(want), string(got)); diff != "" {
			t.Errorf("%s is not what the table says; run go generate ./abi (-table +file):\n%s", name, diff)
		}
	}
}

func TestNothingGeneratedIsLeftOver(t *testing.T) {
	t.Parallel()
	files := generated(t)
	found, err := filepath.Glob(filepath.Join(root, sdk, "*_gen.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range found {
		if files[sdk+filepath.Base(name)] == nil {
			t.Errorf("nothing generates %s any more: delete it", name)
		}
	}
}

func TestGeneratingTwiceGivesTheSame(t *testing.T) {
	t.Parallel()
	if diff := cmp.Diff(generated(t), generated(t)); diff != "" {
		t.Error(diff)
	}
}

func TestTheReferenceExplainsEverything(t *testing.T) {
	t.Parallel()
	text := string(generated(t)["abi/ABI.md"])
	for _, f := range abi.Funcs {
		if !strings.Contains(text, "### "+f.Name+"\n") {
			t.Errorf("%s is not explained", f.Name)
		}
	}
	for i, line := range strings.Split(text, "\n") {
		if strings.HasPrefix(line, "| `") && strings.HasSuffix(line, "|  |") {
			t.Errorf("line %d lacks its explanation: %s", i+1, line)
		}
	}
}

func TestEveryFieldOfTheSDKIsExplained(t *testing.T) {
	t.Parallel()
	m, err := newModel(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range slices.Concat(m.Calls, m.Exports, m.A2A) {
		for _, f := range o.Fields {
			if f.Doc == "" || f.JSON == "" {
				t.Errorf("%s.%s lacks its comment (%q) or its name in JSON (%q)", o.Name, f.Go, f.Doc, f.JSON)
			}
		}
	}
}
