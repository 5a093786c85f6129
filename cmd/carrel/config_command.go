package main

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// setting is one setting as `carrel config` prints it.
type setting struct {
	Name   string `json:"name"`
	Value  any    `json:"value"`
	Source string `json:"source"`
}

func newConfigCommand(p program) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "config",
		GroupID: groupServe,
		Short:   "Print the effective configuration and where each value comes from",
		Long: `Print the effective configuration and where each value comes from. Secrets are masked.

The command takes the flags of 'carrel serve', so that a call can be tried before
it is made. With --example it prints a configuration file with all defaults.`,
		Example: "  carrel config\n  CARREL_MAX_BODY=2MiB carrel config --config /etc/carrel.yaml --json\n  carrel config --example >carrel.yaml",
		Args:    cobra.NoArgs,
	}
	settings := p.addSettings(cmd)
	out := p.addOutput(cmd)
	example := cmd.Flags().Bool("example", false, "print a configuration file with all defaults")
	cmd.RunE = func(*cobra.Command, []string) error {
		if *example {
			return writeExampleConfig(p.stdout)
		}
		config, sources, err := settings()
		if err != nil {
			return err
		}
		all := append(config.settings(sources), p.clientSettings(config)...)
		return out.print(all, func() {
			rows := make([][]string, len(all))
			for i, s := range all {
				rows[i] = []string{s.Name, fmt.Sprint(s.Value), s.Source}
			}
			out.table("SETTING VALUE SOURCE", rows)
		})
	}
	return cmd
}

func (c Config) settings(sources map[string]string) []setting {
	var all []setting
	fs := pflag.NewFlagSet("", pflag.ContinueOnError)
	c.bind(fs)
	fs.VisitAll(func(f *pflag.Flag) {
		name := settingName(f.Name)
		all = append(all, setting{name, flagValue(f), sources[name]})
	})
	return all
}

// flagValue is a flag's value as a file would have it.
func flagValue(f *pflag.Flag) any {
	if slice, ok := f.Value.(pflag.SliceValue); ok {
		return append([]string{}, slice.GetSlice()...)
	}
	switch f.Value.Type() {
	case "bool":
		return f.Value.String() == "true"
	case "int":
		return json.Number(f.Value.String())
	}
	return f.Value.String()
}

// writeExampleConfig writes a file that says what holds without it. JSON's
// strings and lists are YAML's too.
func writeExampleConfig(w io.Writer) error {
	config := DefaultConfig()
	fs := pflag.NewFlagSet("", pflag.ContinueOnError)
	config.bind(fs)
	fmt.Fprint(w, `# Settings of carrel serve with their defaults. Each can be given in the
# environment too (CARREL_MAX_BODY for max_body) and as a flag (--max-body).
`)
	var err error
	fs.VisitAll(func(f *pflag.Flag) {
		value, encodeErr := json.Marshal(flagValue(f))
		if err == nil {
			err = encodeErr
		}
		_, usage := pflag.UnquoteUsage(f)
		fmt.Fprintf(w, "\n# %s\n%s: %s\n", usage, settingName(f.Name), value)
	})
	return err
}
