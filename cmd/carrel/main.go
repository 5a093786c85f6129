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
	"syscall"

	"github.com/carrelhq/carrel/internal/threads"
)

func main() {
	threads.Prepare()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
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
