package main

import (
	"bytes"
	"embed"
	"text/template"

	"github.com/carrelhq/carrel/abi"
)

//go:embed abi.md.tmpl
var templates embed.FS

// reference returns abi/ABI.md.
func reference(m *model) ([]byte, error) {
	t, err := template.New("abi.md.tmpl").Funcs(template.FuncMap{"granted": granted}).ParseFS(templates, "*.tmpl")
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	err = t.Execute(&out, struct {
		*model
		Version int
		Module  string
	}{m, abi.Version, abi.Module})
	return out.Bytes(), err
}

func granted(f function) string {
	if f.Always {
		return "always"
	}
	return "by grant"
}
