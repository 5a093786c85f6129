// Command gen writes what is derived from the ABI's table: abi/ABI.md. It is run
// by go generate and refuses to write anything that is not derived.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	root := flag.String("root", ".", "the repository's root")
	flag.Parse()
	if err := generate(*root); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

// generate writes the files below root.
func generate(root string) error {
	text, err := reference(filepath.Join(root, "abi"))
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(root, "abi", "ABI.md"), text, 0o644)
}
