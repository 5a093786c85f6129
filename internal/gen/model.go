package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/carrelhq/carrel/abi"
)

// model is what all outputs are made from.
type model struct {
	Funcs []function
	// Calls are the objects of the functions, Exports those that exports take and
	// give beside them, A2A the protocol's objects that both refer to.
	Calls, Exports, A2A []*object
	Codes               []code
}

// function is a row of abi.Funcs with its objects.
type function struct {
	abi.Func
	In, Out *object
}

// object is a JSON object: a struct of package abi or a message of A2A.
type object struct {
	// Name is its name in package abi or in A2A, Go its name in the SDK.
	Name, Go, Doc string
	Fields        []field
	// Encode and Decode say which directions guests need.
	Encode, Decode bool
	// Forms are JSON texts of the object, as carrel writes them, with every field set.
	Forms []string
}

// field is one field of an object.
type field struct {
	Go, JSON, Doc string
	Kind          kind
	// List says that there may be many, Optional that a zero value is left out,
	// Choice that the field is one of those of which exactly one is set.
	List, Optional, Choice bool
	// of is the object that the field holds, if it holds one.
	of *object
}

// code is one of abi.Codes.
type code struct{ Word, Doc string }

// newModel reads the table, the protocol's descriptors, and the comments of both.
func newModel(root string) (*model, error) {
	ours, err := readDocs(root, "./abi")
	if err != nil {
		return nil, err
	}
	theirs, err := readDocs(root, a2aPackage)
	if err != nil {
		return nil, err
	}
	m, s := &model{}, &structs{docs: ours, protocol: &protocol{docs: theirs}}
	for _, f := range abi.Funcs {
		row := function{f, s.object(f.Request), s.object(f.Reply)}
		row.In.reach(encodes)
		row.Out.reach(decodes)
		m.Funcs = append(m.Funcs, row)
	}
	m.Calls, s.all = s.all, nil
	s.object(abi.RunRequest{}).reach(decodes)
	s.object(abi.RunReply{}).reach(encodes)
	s.object(abi.Error{}).reach(decodes)
	s.object(abi.Description{}).reach(encodes)
	m.Exports, m.A2A = s.all, s.protocol.all
	for _, c := range abi.Codes {
		_, doc, _ := strings.Cut(ours[strconv.Quote(string(c))], ": ")
		m.Codes = append(m.Codes, code{string(c), doc})
	}
	return m, errors.Join(s.err, s.protocol.err)
}

func encodes(o *object) { o.Encode = true }
func decodes(o *object) { o.Decode = true }

// reach applies f to the object and to all that it holds.
func (o *object) reach(f func(*object)) {
	f(o)
	for _, field := range o.Fields {
		if field.of != nil {
			field.of.reach(f)
		}
	}
}

// exported are the objects that authors of guests see.
var exported = map[string]bool{
	"Message": true, "Part": true, "Artifact": true, "Description": true, "Skill": true, "Extension": true, "Limits": true, "Error": true,
}

// sdkName returns the SDK's name of an object.
func sdkName(name string) string {
	switch {
	case exported[name]:
		return name
	case name == "Task": // the SDK's Task is what a handler works with
		return "snapshot"
	}
	return strings.ToLower(name[:1]) + name[1:]
}

// kind is how a value is named in the documentation, held in Go, found to be
// there, written and read; %s is where the value is.
type kind struct{ doc, goType, present, write, read string }

var (
	text     = kind{"string", "string", `%s != ""`, "w.String(%s)", "r.String()"}
	binary   = kind{"base64", "[]byte", "%s != nil", "w.Base64(%s)", "r.Base64()"}
	boolean  = kind{"boolean", "bool", "%s", "w.Bool(%s)", "r.Bool()"}
	integer  = kind{"integer", "int", "%s != 0", "w.Int(int64(%s))", "int(r.Int())"}
	long     = kind{"integer", "int64", "%s != 0", "w.Int(%s)", "r.Int()"}
	unsigned = kind{"integer", "uint64", "%s != 0", "w.Uint(%s)", "r.Uint()"}
	mapping  = kind{"object", "map[string]any", "len(%s) > 0", "w.Any(%s)", "r.Object()"}
	anything = kind{"any value", "json.RawMessage", "%s != nil", "w.Raw(%s)", "r.Raw()"}
)

// nested is the kind of a field that holds an object, which reads itself.
func nested(of *object, doc string) kind {
	return kind{doc: doc, goType: of.Go, present: "%s != nil", write: "%s.encode(w)"}
}

// Type names the field's type for people who read JSON.
func (f field) Type() string {
	if f.List {
		return fmt.Sprintf("array of %s", f.Kind.doc)
	}
	return f.Kind.doc
}
