package arch

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"
)

// undocumented lists the exported names of a file that have no comment.
func undocumented(file *ast.File) (names []string) {
	for _, d := range file.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Name.IsExported() && exportedReceiver(d) && d.Doc == nil {
				names = append(names, d.Name.Name)
			}
		case *ast.GenDecl:
			for _, s := range d.Specs {
				names = append(names, undocumentedSpec(d, s)...)
			}
		}
	}
	return names
}

// exportedReceiver reports whether a function is public: it has no receiver, or an exported one.
func exportedReceiver(d *ast.FuncDecl) bool {
	if d.Recv == nil {
		return true
	}
	t := d.Recv.List[0].Type
	for {
		switch x := t.(type) {
		case *ast.StarExpr:
			t = x.X
		case *ast.IndexExpr:
			t = x.X
		case *ast.Ident:
			return x.IsExported()
		default:
			return true
		}
	}
}

// undocumentedSpec: a comment on a group covers the names in it.
func undocumentedSpec(d *ast.GenDecl, s ast.Spec) (names []string) {
	switch s := s.(type) {
	case *ast.TypeSpec:
		if s.Name.IsExported() && d.Doc == nil && s.Doc == nil {
			names = append(names, s.Name.Name)
		}
	case *ast.ValueSpec:
		for _, n := range s.Names {
			if n.IsExported() && d.Doc == nil && s.Doc == nil && s.Comment == nil {
				names = append(names, n.Name)
			}
		}
	}
	return names
}

func TestEverythingPublicIsDocumented(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		explained := false
		for _, name := range p.GoFiles {
			file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, name), nil, parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			explained = explained || file.Doc != nil
			if p.Name == "main" || ast.IsGenerated(file) {
				continue
			}
			for _, exported := range undocumented(file) {
				t.Errorf("%s: %s in %s has no comment", p.path(), exported, name)
			}
		}
		if !explained && len(p.GoFiles) > 0 {
			t.Errorf("package %q has no comment", p.path())
		}
	}
}

func TestTheCheckerFindsWhatIsNotDocumented(t *testing.T) {
	t.Parallel()
	const source = `package p

type T struct{}

func (T) M() {}

func F() {}

const C = 1

// D is fine.
type D struct{}

type hidden struct{}

func (hidden) M() {}
`
	file, err := parser.ParseFile(token.NewFileSet(), "p.go", source, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(undocumented(file), " "); got != "T M F C" {
		t.Errorf("found %q, want T M F C", got)
	}
}
