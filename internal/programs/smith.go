package programs

import (
	"archive/zip"
	"bytes"
	_ "embed"
	"io"
	"strings"
)

//go:embed testdata/smith/modules.zip
var smith []byte

// Smith returns modules that the program wasm-smith made, by name: what its authors
// thought of to try out, and we did not. They are agents as those of [Module] are.
func Smith() (map[string][]byte, error) {
	r, err := zip.NewReader(bytes.NewReader(smith), int64(len(smith)))
	if err != nil {
		return nil, err
	}
	modules := make(map[string][]byte, len(r.File))
	for _, f := range r.File {
		content, err := f.Open()
		if err != nil {
			return nil, err
		}
		name := strings.TrimSuffix(f.Name, ".wasm")
		if modules[name], err = io.ReadAll(content); err != nil {
			return nil, err
		}
	}
	return modules, nil
}
