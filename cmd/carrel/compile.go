package main

import (
	"os"

	"github.com/spf13/cobra"

	"github.com/carrelhq/carrel/runtime/compile"
)

// compileName is the command that the program calls itself with.
const compileName = "compile-child"

// compileCommand calls this program to compile a module, or is empty when it
// cannot be found: the server says so and compiles in process.
func compileCommand() []string {
	program, err := os.Executable()
	if err != nil {
		return nil
	}
	return []string{program, compileName}
}

func newCompileCommand(p program) *cobra.Command {
	return &cobra.Command{
		Use:    compileName,
		Short:  "Compile one module, for the server that started this process",
		Hidden: true,
		Args:   asUsed,
		RunE: func(*cobra.Command, []string) error {
			if compile.Child(p.stdin, p.stdout, p.stderr) != exitOK {
				return errSilent
			}
			return nil
		},
	}
}
