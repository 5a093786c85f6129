package main

import (
	"fmt"
	"strings"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// a2aPackage is where the protocol's messages have their comments.
const a2aPackage = "github.com/a2aproject/a2a-go/v2/a2apb/v1"

// protocol makes objects of A2A's messages, each once.
type protocol struct {
	docs docs
	all  []*object
	err  error
}

// named returns the object of the message of that name.
func (p *protocol) named(name string) *object {
	d := a2apb.File_a2av1_proto.Messages().ByName(protoreflect.Name(name))
	if d == nil {
		p.err = fmt.Errorf("A2A has no message %s", name)
		return &object{Name: name, Go: sdkName(name), Forms: []string{"null"}}
	}
	return p.object(d)
}

func (p *protocol) object(d protoreflect.MessageDescriptor) *object {
	name := string(d.Name())
	for _, o := range p.all {
		if o.Name == name {
			return o
		}
	}
	o := &object{Name: name, Go: sdkName(name), Doc: fmt.Sprintf("%s is the A2A object %s.", name, d.FullName())}
	p.all = append(p.all, o)
	for i := range d.Fields().Len() {
		o.Fields = append(o.Fields, p.field(name, d.Fields().Get(i)))
	}
	var err error
	if o.Forms, err = protoForms(d); err != nil {
		p.err = err
	}
	if exported[name] { // an author may keep and load it, too
		o.Encode, o.Decode = true, true
	}
	return o
}

func (p *protocol) field(owner string, f protoreflect.FieldDescriptor) field {
	name := strings.ToUpper(f.JSONName()[:1]) + f.JSONName()[1:]
	choice := f.ContainingOneof() != nil
	if choice {
		owner += "_" + name // the Go package keeps it in a struct of its own
	}
	out := field{
		Go: initialisms(name), JSON: f.JSONName(), Doc: strings.TrimPrefix(p.docs[owner+"."+name], "Optional. "),
		List: f.IsList(), Optional: true, Choice: choice,
	}
	out.Kind, out.of = p.kind(f)
	return out
}

// kind returns what a field is in ProtoJSON; enumerations and times are texts there.
func (p *protocol) kind(f protoreflect.FieldDescriptor) (kind, *object) {
	if f.Kind() == protoreflect.BytesKind {
		return binary, nil
	}
	if f.Kind() != protoreflect.MessageKind {
		return text, nil
	}
	switch f.Message().FullName() {
	case "google.protobuf.Timestamp":
		return text, nil
	case "google.protobuf.Struct":
		return mapping, nil
	case "google.protobuf.Value":
		return anything, nil
	}
	of := p.object(f.Message())
	return nested(of, of.Name), of
}

// initialisms spells the ends of the protocol's names as Go does.
func initialisms(name string) string {
	for _, pair := range [][2]string{{"Ids", "IDs"}, {"Id", "ID"}, {"Url", "URL"}} {
		if rest, ok := strings.CutSuffix(name, pair[0]); ok {
			return rest + pair[1]
		}
	}
	return name
}
