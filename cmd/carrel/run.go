package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/carrelhq/carrel"
	"github.com/carrelhq/carrel/abi"
)

func newRunCommand(p program) *cobra.Command {
	opts := carrel.OnceOptions{}
	memory := DefaultConfig().Memory
	cmd := &cobra.Command{
		Use:     "run FILE.wasm TEXT",
		GroupID: groupModule,
		Short:   "Run one task of a module, without a server",
		Long: `Run one task of a module, without a server, on a store that is thrown away.

The exit code is 0 when the task is completed; its answer's text is on standard
output. It is 1 when the module is refused or the task ends in any other way; the
reason is on standard error, where the module's log lines go too.`,
		Example: "  carrel run agent.wasm 'hello'\n  carrel run agent.wasm 'hello' --timeout 5s --memory 16MiB --json",
		Args:    asUsed,
	}
	out := p.addOutput(cmd)
	flags := cmd.Flags()
	flags.DurationVar(&opts.Timeout, "timeout", 30*time.Second, "how long the run may take")
	flags.DurationVar(&opts.CompileTimeout, "compile-timeout", DefaultConfig().CompileTimeout, compileTimeoutUsage)
	flags.Var(&memory, "memory", "the most linear memory of the sandbox")
	flags.StringSliceVar(&opts.Grants, "allow", nil, "host `functions` the module may call beyond those always allowed")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := checkRun(opts, memory); err != nil {
			return err
		}
		module, err := readModule(args[0])
		if err != nil {
			return err
		}
		opts.MemoryBytes = int64(memory)
		opts.CompileCommand = p.compile
		opts.OnLine = func(line carrel.Line) { fmt.Fprintf(p.stderr, "%s: %s\n", line.Level, cell(line.Message)) }
		result, err := carrel.RunOnce(cmd.Context(), bytes.NewReader(module), args[1], opts)
		if refusal := (*abi.Refusal)(nil); errors.As(err, &refusal) {
			return out.refused(args[0], refusal)
		}
		if err != nil {
			return err
		}
		return out.outcome(result)
	}
	return cmd
}

func checkRun(opts carrel.OnceOptions, memory byteSize) error {
	if err := cmp.Or(positive(opts.Timeout), positive(opts.CompileTimeout)); err != nil {
		return usagef("--timeout and --compile-timeout: %w", err)
	}
	if err := checkMemory(memory); err != nil {
		return usagef("--memory: %w", err)
	}
	for _, name := range opts.Grants {
		if _, ok := abi.Lookup(name); !ok {
			return usagef("--allow: there is no host function %q", name)
		}
	}
	return nil
}

func (o output) outcome(result carrel.Outcome) error {
	if result.Completed || *o.json {
		if err := o.print(result.Task, func() { fmt.Fprintln(o.stdout, printable(result.Text)) }); err != nil {
			return err
		}
	}
	if result.Completed {
		return nil
	}
	if result.Reason == "" {
		return fmt.Errorf("the task is %s", result.State)
	}
	return fmt.Errorf("the task is %s: %s", result.State, printable(result.Reason))
}
