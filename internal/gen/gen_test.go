package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/carrelhq/carrel/abi"
)

func TestWhatIsGeneratedIsUpToDate(t *testing.T) {
	t.Parallel()
	want, err := reference(filepath.Join("..", "..", "abi"))
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join("..", "..", "abi", "ABI.md"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("abi/ABI.md is not what the table says; run go generate ./abi (-table +file):\n%s", diff)
	}
}

func TestTheReferenceExplainsEverything(t *testing.T) {
	t.Parallel()
	text, err := reference(filepath.Join("..", "..", "abi"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range abi.Funcs {
		if !strings.Contains(string(text), "### "+f.Name+"\n") {
			t.Errorf("%s is not explained", f.Name)
		}
	}
	for i, line := range strings.Split(string(text), "\n") {
		if strings.HasPrefix(line, "| `") && strings.HasSuffix(line, "|  |") {
			t.Errorf("line %d lacks its explanation: %s", i+1, line)
		}
	}
}
