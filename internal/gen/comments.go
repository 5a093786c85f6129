package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
)

// comments are what the ABI's source says of its types, fields and codes.
type comments struct {
	typeDocs  map[string]string
	fieldDocs map[string]string // by "Type.Field"
	codes     []codeDoc
}

type codeDoc struct{ Word, Doc string }

// readComments parses the package's files.
func readComments(dir string) (*comments, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return nil, err
	}
	c := &comments{typeDocs: map[string]string{}, fieldDocs: map[string]string{}}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			return nil, err
		}
		for _, d := range file.Decls {
			if g, ok := d.(*ast.GenDecl); ok {
				c.read(g)
			}
		}
	}
	return c, nil
}

func (c *comments) read(g *ast.GenDecl) {
	for _, spec := range g.Specs {
		switch s := spec.(type) {
		case *ast.TypeSpec:
			c.typeDocs[s.Name.Name] = oneLine(g.Doc)
			if t, ok := s.Type.(*ast.StructType); ok {
				c.readFields(s.Name.Name, t)
			}
		case *ast.ValueSpec:
			c.readCode(s)
		}
	}
}

// readFields gives every field its comment; fields that share one comment share its text.
func (c *comments) readFields(typ string, t *ast.StructType) {
	last := ""
	for _, f := range t.Fields.List {
		if doc := oneLine(f.Doc); doc != "" {
			last = doc
		}
		for _, name := range f.Names {
			c.fieldDocs[typ+"."+name.Name] = last
		}
	}
}

func (c *comments) readCode(s *ast.ValueSpec) {
	if t, ok := s.Type.(*ast.Ident); !ok || t.Name != "Code" || len(s.Values) != 1 {
		return
	}
	word := strings.Trim(s.Values[0].(*ast.BasicLit).Value, `"`)
	_, doc, _ := strings.Cut(oneLine(s.Doc), ": ")
	c.codes = append(c.codes, codeDoc{word, doc})
}

func oneLine(doc *ast.CommentGroup) string {
	return strings.Join(strings.Fields(doc.Text()), " ")
}
