package main

import (
	"bytes"
	"embed"
	"fmt"
	"reflect"
	"strings"
	"text/template"

	"github.com/carrelhq/carrel/abi"
)

//go:embed abi.md.tmpl
var templates embed.FS

// reference returns abi/ABI.md, with the comments of the package's source in dir.
func reference(dir string) ([]byte, error) {
	docs, err := readComments(dir)
	if err != nil {
		return nil, err
	}
	t, err := template.New("abi.md.tmpl").Funcs(template.FuncMap{
		"fields": docs.fields, "anchor": anchor, "name": typeName, "granted": granted, "types": docs.types,
	}).ParseFS(templates, "*.tmpl")
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	err = t.Execute(&out, map[string]any{"Version": abi.Version, "Module": abi.Module, "Funcs": abi.Funcs, "Codes": docs.codes})
	return out.Bytes(), err
}

func granted(f abi.Func) string {
	if f.Always {
		return "always"
	}
	return "by grant"
}

func typeName(v any) string { return reflect.TypeOf(v).Name() }

func anchor(name string) string { return strings.ToLower(name) }

// field is a row of a type's table.
type field struct {
	Name, Type, Doc string
	Optional        bool
}

// typeDoc is a type that goes in or out of a function, or of an export.
type typeDoc struct {
	Name, Doc string
	Fields    []field
}

// types are those that carrel_run and carrel_describe use beside the functions'.
func (c *comments) types() (list []typeDoc) {
	for _, v := range []any{abi.RunRequest{}, abi.Limits{}, abi.RunReply{}, abi.Error{}, abi.Description{}, abi.Skill{}} {
		list = append(list, typeDoc{typeName(v), c.typeDocs[typeName(v)], c.fields(v)})
	}
	return list
}

// fields lists the JSON fields of a type.
func (c *comments) fields(v any) (list []field) {
	t := reflect.TypeOf(v)
	for i := range t.NumField() {
		f := t.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		list = append(list, field{
			Name: name, Type: jsonType(f), Optional: strings.Contains(options, "omit"),
			Doc: c.fieldDocs[t.Name()+"."+f.Name],
		})
	}
	return list
}

// jsonType is a field's type for people who read JSON.
func jsonType(f reflect.StructField) string {
	if object := f.Tag.Get("a2a"); object != "" {
		if f.Type == reflect.TypeFor[[]byte]() || f.Type.Elem().Kind() == reflect.Uint8 {
			return "A2A " + object
		}
		return "array of A2A " + object
	}
	return jsonKind(f.Type)
}

func jsonKind(t reflect.Type) string {
	switch t.Kind() {
	case reflect.String:
		return "string"
	case reflect.Bool:
		return "boolean"
	case reflect.Int, reflect.Int64, reflect.Uint64:
		return "integer"
	case reflect.Pointer:
		return jsonKind(t.Elem())
	case reflect.Struct:
		return fmt.Sprintf("[%s](#%s)", t.Name(), anchor(t.Name()))
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return "base64"
		}
		return "array of " + jsonKind(t.Elem())
	}
	return t.String()
}
