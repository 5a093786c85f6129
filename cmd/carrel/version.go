package main

import (
	"fmt"
	goruntime "runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/carrelhq/carrel/abi"
)

// version is set by -ldflags "-X main.version=v1.2.3" in release builds.
var version string

// programVersion is the version of a release, or what the build recorded of its source.
func programVersion() string {
	if version != "" {
		return version
	}
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" || info.Main.Version == "(devel)" {
		return "devel"
	}
	return info.Main.Version
}

func newVersionCommand(p program) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  cobra.NoArgs,
	}
	out := p.addOutput(cmd)
	cmd.RunE = func(*cobra.Command, []string) error {
		v := struct {
			Version string `json:"version"`
			ABI     int    `json:"abi"`
			Go      string `json:"go"`
		}{programVersion(), abi.Version, goruntime.Version()}
		return out.print(v, func() {
			fmt.Fprintf(p.stdout, "carrel %s (ABI v%d, %s)\n", v.Version, v.ABI, v.Go)
		})
	}
	return cmd
}
