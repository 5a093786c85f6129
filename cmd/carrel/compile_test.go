package main

import (
	"bytes"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// smallAgent exports memory, carrel_alloc and carrel_run, which traps.
const smallAgent = "0061736d01000000" +
	"010c0260017f017f60027f7f017e" + // two types
	"0303020001" + // two functions
	"0503010001" + // a memory of one page
	"0726030c63617272656c5f616c6c6f6300000a63617272656c5f72756e0001066d656d6f72790200" +
	"0a0a020400410a0b0300000b"

// TestModulesAreCompiledByThisProgramInAProcessOfItsOwn, or not at all.
func TestModulesAreCompiledByThisProgramInAProcessOfItsOwn(t *testing.T) {
	t.Parallel()
	module, err := hex.DecodeString(smallAgent)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "small.wasm")
	if err := os.WriteFile(file, module, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		command []string
		args    []string
		code    int
		says    string
	}{
		{compileCommand(), []string{"check", file}, exitOK, ""},
		{compileCommand(), []string{"run", file, "hello"}, exitFailed, "unreachable"},
		{[]string{"/nonexistent"}, []string{"check", file}, exitFailed, "/nonexistent"},
		{[]string{"/nonexistent"}, []string{"run", file, "hello"}, exitFailed, "/nonexistent"},
	} {
		var out, log bytes.Buffer
		code := run(t.Context(), program{args: append(c.args, "--compile-timeout", patience), stdin: strings.NewReader(""), stdout: &out, stderr: &log, compile: c.command})
		if code != c.code || !strings.Contains(log.String(), c.says) {
			t.Errorf("%v with %v: got %d and\n%s%s", c.args, c.command, code, &out, &log)
		}
	}
}
