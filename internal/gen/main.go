// Command gen writes what is derived from the ABI's table and from the protocol
// objects it refers to: abi/ABI.md, the Go SDK's types, codecs and stubs, and the
// forms its tests hold them to. It is run by go generate and refuses to write
// anything that is not derived.
package main

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
)

func main() {
	root := flag.String("root", ".", "the repository's root")
	flag.Parse()
	if err := write(*root); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

// write writes the files below root.
func write(root string) error {
	files, err := generate(root)
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err := os.WriteFile(filepath.Join(root, name), files[name], 0o644); err != nil {
			return err
		}
	}
	return nil
}

// generate returns the content of every generated file by its path below root.
func generate(root string) (map[string][]byte, error) {
	m, err := newModel(root)
	if err != nil {
		return nil, err
	}
	files, err := renderGo(m)
	if err != nil {
		return nil, err
	}
	if files["abi/ABI.md"], err = reference(m); err != nil {
		return nil, err
	}
	files["guests/go/agent/testdata/forms.json"], err = forms(m)
	return files, err
}
