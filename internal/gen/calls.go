package main

import (
	"strings"

	"github.com/carrelhq/carrel/abi"
)

// camel returns the name of a host function as part of a Go name: task_get becomes TaskGet.
func camel(name string) string {
	var out strings.Builder
	for word := range strings.SplitSeq(name, "_") {
		out.WriteString(strings.ToUpper(word[:1]) + word[1:])
	}
	return out.String()
}

// renderCalls writes a typed function for every host function.
func renderCalls(funcs []function) string {
	var s source
	s.line(header+"package agent\n\nimport %q\n", codecPackage)
	for _, f := range funcs {
		renderCall(&s, f, "call"+camel(f.Name), "invoke"+camel(f.Name))
	}
	return s.String()
}

// renderCall leaves out the request or reply that has no fields.
func renderCall(s *source, f function, name, invoke string) {
	parameter, encode := "request *"+f.In.Go, "request.encode"
	if len(f.In.Fields) == 0 {
		parameter, encode = "", "(*codec.Writer).Empty"
	}
	s.comment(name + " calls " + f.Name + ". It " + strings.ToLower(f.Doc[:1]) + f.Doc[1:])
	if len(f.Out.Fields) == 0 {
		s.line("func %s(%s) error {", name, parameter)
		s.line("return call(%s, %s, (*codec.Reader).Skip)\n}\n", invoke, encode)
		return
	}
	s.line("func %s(%s) (reply %s, err error) {", name, parameter, f.Out.Go)
	s.line("err = call(%s, %s, reply.decode)\nreturn reply, err\n}\n", invoke, encode)
}

// renderImports writes an import for every function, each used by its own call
// only: the linker drops what an agent does not call, and so it wants no more
// than it needs.
func renderImports(funcs []function) string {
	var s source
	s.WriteString(header + "//go:build wasip1\n\npackage agent\n\n")
	for _, f := range funcs {
		name := camel(f.Name)
		s.line("//go:wasmimport %s %s", abi.Module, f.Name)
		s.line("func import%s(ptr, n uint32) uint64\n", name)
		s.line("func invoke%s(request []byte) []byte { return invoke(import%s, request) }\n", name, name)
	}
	return s.String()
}

// renderNative writes the same for a host that is written in Go.
func renderNative(funcs []function) string {
	var s source
	s.WriteString(header + "//go:build !wasip1\n\npackage agent\n\n")
	for _, f := range funcs {
		s.line("func invoke%s(request []byte) []byte { return invoke(%q, request) }\n", camel(f.Name), f.Name)
	}
	return s.String()
}
