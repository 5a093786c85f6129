package main

import (
	"fmt"
	"os"
	"testing"
)

// patience is how long a module may compile here: under the race detector, on a
// machine that has other work, a Go agent takes many times as long as in service.
const patience = "10m"

// compiled is the folder of compiled code that the tests share.
var compiled string

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == compileName { // see compileCommand
		main()
	}
	os.Exit(testMain(m))
}

func testMain(m *testing.M) int {
	dir, err := os.MkdirTemp("", "carrel-compiled-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	compiled = dir
	os.Setenv("CARREL_COMPILE_TIMEOUT", patience) // for the servers that tests start
	return m.Run()
}
