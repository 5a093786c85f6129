package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/carrelhq/carrel/abi"
	"github.com/carrelhq/carrel/runtime"
	"github.com/carrelhq/carrel/tenant"
)

func newCheckCommand(p program) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "check FILE.wasm",
		GroupID: groupModule,
		Short:   "Say what a module is and wants, or why it would be refused",
		Long: `Say what a module is and wants, or why a server would refuse it.

Nothing of the module runs but its initialization and its description of itself.
The exit code is 0 for a module that a server would accept, and 1 for one that it
would refuse; then standard error names the rule, what is wrong and what to do.`,
		Example: "  carrel check agent.wasm\n  carrel check agent.wasm --json\n  carrel check --rules",
		Args: func(cmd *cobra.Command, args []string) error {
			if rules, _ := cmd.Flags().GetBool("rules"); rules {
				return cobra.NoArgs(cmd, args)
			}
			return asUsed(cmd, args)
		},
	}
	out := p.addOutput(cmd)
	rules := cmd.Flags().Bool("rules", false, "list the rules and limits that modules are held to, instead of checking a file")
	timeout := cmd.Flags().Duration("compile-timeout", DefaultConfig().CompileTimeout, compileTimeoutUsage)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if *rules {
			return out.rules()
		}
		if err := positive(*timeout); err != nil {
			return usagef("--compile-timeout: %w", err)
		}
		module, err := readModule(args[0])
		if err != nil {
			return err
		}
		inspection, err := p.inspect(cmd.Context(), module, *timeout)
		if refusal := (*abi.Refusal)(nil); errors.As(err, &refusal) {
			return out.refused(args[0], refusal)
		}
		if err != nil {
			return err
		}
		return out.print(inspection, func() { out.inspection(args[0], inspection) })
	}
	return cmd
}

// readModule reads a file that is to be a module, up to what a server would take by default.
func readModule(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	limit := int64(DefaultConfig().MaxModule)
	module, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(module)) > limit {
		err = fmt.Errorf("%s is larger than %s, the most a server takes", file, byteSize(limit))
	}
	return module, err
}

func (p program) inspect(ctx context.Context, module []byte, timeout time.Duration) (_ abi.Inspection, err error) {
	engine, err := runtime.NewEngine(runtime.Options{InspectTimeout: timeout, CompileCommand: p.compile})
	if err != nil {
		return abi.Inspection{}, err
	}
	defer func() { err = errors.Join(err, engine.Close()) }()
	return engine.Inspect(ctx, tenant.Default, module)
}

// refused says on standard error why a module is refused.
func (o output) refused(file string, refusal *abi.Refusal) error {
	if *o.json {
		if err := o.print(map[string]*abi.Refusal{"refused": refusal}, nil); err != nil {
			return err
		}
	}
	fmt.Fprintf(o.stderr, "carrel: %s is refused\n  rule     %s\n  problem  %s\n", file, refusal.Rule, printable(refusal.Problem))
	if refusal.Advice != "" {
		fmt.Fprintf(o.stderr, "  advice   %s\n", printable(refusal.Advice))
	}
	return errSilent
}

// inspection prints what a module is and wants.
func (o output) inspection(file string, in abi.Inspection) {
	name := in.Description.Name
	if name == "" {
		name = "an agent without a name of its own"
	}
	o.field("module", file)
	o.field("agent", strings.TrimSpace(name+" "+in.Description.Version))
	o.field("about", in.Description.Description)
	for _, skill := range in.Description.Skills {
		o.field("skill", skill.ID+": "+skill.Description)
	}
	o.field("digest", in.Digest)
	o.field("size", fmt.Sprintf("%d bytes", in.Size))
	o.field("memory", memoryText(in))
	o.field("wants", wantsText(in.Wants))
	o.field("imports", importsText(in.Imports))
	o.field("exports", strings.Join(in.Exports, " "))
	o.field("compiled", fmt.Sprintf("in %d ms, as %d bytes with accounts and without data", in.CompileMillis, in.RewrittenSize))
	if in.NoSnapshot != "" {
		o.field("snapshot", "none, so that every run begins with initialization: "+in.NoSnapshot)
		return
	}
	o.field("snapshot", fmt.Sprintf("%s; a call of carrel_describe is undone in %d µs", byteSize(in.SnapshotBytes), in.ResetMicros))
}

// rules prints what modules are held to.
func (o output) rules() error {
	list := runtime.Rules()
	return o.print(list, func() {
		for _, r := range list {
			most := ""
			if r.Most > 0 {
				most = fmt.Sprint(r.Most)
			}
			fmt.Fprintf(o.stdout, "%-20s %9s  %s\n", r.Name, most, r.What)
		}
	})
}

// field prints a name and a value, unless the value is empty.
func (o output) field(name, value string) {
	if value != "" {
		fmt.Fprintf(o.stdout, "%-9s %s\n", name, cell(value))
	}
}

func memoryText(in abi.Inspection) string {
	text := byteSize(in.MemoryMin).String() + " at the start"
	if in.MemoryMax > 0 {
		return text + ", " + byteSize(in.MemoryMax).String() + " at most"
	}
	return text + ", no bound of its own"
}

// wantsText marks the host functions that need a grant.
func wantsText(wants []string) string {
	if len(wants) == 0 {
		return "nothing"
	}
	marked := slices.Clone(wants)
	for i, name := range marked {
		if f, ok := abi.Lookup(name); ok && !f.Always {
			marked[i] += " (needs a grant)"
		}
	}
	return strings.Join(marked, ", ")
}

// importsText counts the imports by module.
func importsText(imports []abi.Import) string {
	counts := map[string]int{}
	var modules []string
	for _, i := range imports {
		if counts[i.Module]++; counts[i.Module] == 1 {
			modules = append(modules, i.Module)
		}
	}
	for i, m := range modules {
		modules[i] = fmt.Sprintf("%d from %s", counts[m], m)
	}
	return strings.Join(modules, ", ")
}
