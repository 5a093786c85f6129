package main

import (
	"fmt"
	goruntime "runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/carrelhq/carrel/abi"
)

// release is set by -ldflags "-X main.release=v1.2.3" in release builds.
var release string

// version is the release, or what the build recorded of its source.
func version() string {
	if release != "" {
		return release
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
		}{version(), abi.Version, goruntime.Version()}
		return out.print(v, func() {
			fmt.Fprintf(p.stdout, "carrel %s (ABI v%d, %s)\n", v.Version, v.ABI, v.Go)
		})
	}
	return cmd
}
