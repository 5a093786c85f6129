package main

import (
	"fmt"
	"strings"
)

func renderEncode(s *source, o *object) {
	s.line("func (m *%s) encode(w *codec.Writer) {", o.Go)
	s.line("w.Open('{')")
	for _, f := range o.Fields {
		if !f.Optional {
			renderWrite(s, f)
			continue
		}
		s.line("if %s {", condition(o, f))
		renderWrite(s, f)
		s.line("}")
	}
	s.line("w.Close('}')\n}\n")
}

// condition is when an optional field is written. Of fields that exclude each
// other the first one is also written when none is there: one must be.
func condition(o *object, f field) string {
	all := []string{present(f)}
	if choices := o.choices(); f.Choice && f.Go == choices[0].Go {
		var others []string
		for _, other := range choices[1:] {
			others = append(others, present(other))
		}
		all = append(all, "!("+strings.Join(others, " || ")+")")
	}
	return strings.Join(all, " || ")
}

func present(f field) string {
	if f.List {
		return fmt.Sprintf("len(m.%s) > 0", f.Go)
	}
	return fmt.Sprintf(f.Kind.present, "m."+f.Go)
}

func renderWrite(s *source, f field) {
	s.line("w.Name(%q)", f.JSON)
	if !f.List {
		s.line(f.Kind.write, "m."+f.Go)
		return
	}
	s.line("w.Open('[')\nfor i := range m.%s {", f.Go)
	s.line(f.Kind.write, "m."+f.Go+"[i]")
	s.line("}\nw.Close(']')")
}

func renderDecode(s *source, o *object) {
	s.line("func (m *%s) decode(r *codec.Reader) {", o.Go)
	s.line("for ok := r.Fields(); ok; ok = r.NextField() {\nswitch string(r.Name()) {")
	for _, f := range o.Fields {
		s.line("case %q:", f.JSON)
		renderRead(s, f)
	}
	s.line("default:\nr.Skip()\n}\n}\n}\n")
}

func renderRead(s *source, f field) {
	target := "m." + f.Go
	switch {
	case f.List && f.of != nil:
		s.line("%s = nil\nfor ok := r.Elements(); ok; ok = r.NextElement() {", target)
		s.line("var e %s\ne.decode(r)\n%s = append(%s, e)\n}", f.Kind.goType, target, target)
	case f.List:
		s.line("%s = nil\nfor ok := r.Elements(); ok; ok = r.NextElement() {\n%s = append(%s, %s)\n}", target, target, target, f.Kind.read)
	case f.pointer():
		s.line("if !r.Null() {\n%s = new(%s)\n%s.decode(r)\n}", target, f.Kind.goType, target)
	case f.of != nil:
		s.line("%s.decode(r)", target)
	default:
		s.line("%s = %s", target, f.Kind.read)
	}
}
