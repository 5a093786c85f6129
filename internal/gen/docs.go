package main

import (
	"go/ast"
	"go/build"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
)

// docs are the comments of one Go package, each as one line: of "Type",
// "Type.Field", and of string constants by their literal.
type docs map[string]string

// readDocs parses the package of that import path, as seen from root.
func readDocs(root, path string) (docs, error) {
	root, err := filepath.Abs(root)
	if err != nil {
		return nil, err
	}
	pkg, err := build.Import(path, root, 0)
	if err != nil {
		return nil, err
	}
	d := docs{}
	for _, name := range pkg.GoFiles {
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(pkg.Dir, name), nil, parser.ParseComments)
		if err != nil {
			return nil, err
		}
		for _, decl := range file.Decls {
			if g, ok := decl.(*ast.GenDecl); ok {
				d.read(g)
			}
		}
	}
	return d, nil
}

func (d docs) read(g *ast.GenDecl) {
	for _, spec := range g.Specs {
		switch s := spec.(type) {
		case *ast.TypeSpec:
			d[s.Name.Name] = oneLine(g.Doc)
			if t, ok := s.Type.(*ast.StructType); ok {
				d.readFields(s.Name.Name, t)
			}
		case *ast.ValueSpec:
			if len(s.Values) == 1 {
				d.readConstant(s)
			}
		}
	}
}

// readFields gives every field its comment; fields that share one comment share its text.
func (d docs) readFields(typ string, t *ast.StructType) {
	last := ""
	for _, f := range t.Fields.List {
		if doc := oneLine(f.Doc); doc != "" {
			last = doc
		}
		for _, name := range f.Names {
			d[typ+"."+name.Name] = last
		}
	}
}

func (d docs) readConstant(s *ast.ValueSpec) {
	if literal, ok := s.Values[0].(*ast.BasicLit); ok && literal.Kind == token.STRING {
		d[literal.Value] = oneLine(s.Doc)
	}
}

// oneLine leaves out what a comment says to linters of protocol files.
func oneLine(doc *ast.CommentGroup) string {
	var out []string
	for line := range strings.Lines(doc.Text()) {
		if !strings.HasPrefix(line, "protolint:") {
			out = append(out, strings.Fields(line)...)
		}
	}
	return strings.Join(out, " ")
}
