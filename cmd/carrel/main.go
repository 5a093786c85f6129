// Command carrel serves A2A agents that are WebAssembly modules, each task in a
// sandbox of its own, and is the tool to build, upload and talk to them.
//
// The command reads flags, environment and a file, and prints; what the server
// does is in package carrel and below.
package main

import (
	"context"
	"os"
	"os/signal"
	"runtime"
	"syscall"
)

// makeRoom doubles GOMAXPROCS, unless the environment sets it: guests, which Go
// cannot pre-empt, may be on as many threads as there are cores, and everything
// else needs some at the same time.
func makeRoom() {
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(2 * runtime.GOMAXPROCS(0))
	}
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	makeRoom()
	context.AfterFunc(ctx, stop) // the second signal ends the program at once
	os.Exit(run(ctx, program{
		args:    os.Args[1:],
		env:     os.Environ(),
		stdin:   os.Stdin,
		stdout:  os.Stdout,
		stderr:  os.Stderr,
		compile: compileCommand(),
	}))
}
