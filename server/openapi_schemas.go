package server

import (
	"slices"

	"github.com/danielgtaylor/huma/v2"
	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// schemasOf are the schemas of messages as ProtoJSON writes them, by name.
type schemasOf map[string]*huma.Schema

// message refers to the schema of a message, which is made when it is asked for.
func (s schemasOf) message(m protoreflect.MessageDescriptor) *huma.Schema {
	switch m.FullName() {
	case "google.protobuf.Timestamp":
		return &huma.Schema{Type: "string", Format: "date-time"}
	case "google.protobuf.Struct", "google.protobuf.Empty":
		return &huma.Schema{Type: "object"}
	case "google.protobuf.Value":
		return &huma.Schema{}
	}
	name := string(m.Name())
	if s[name] == nil {
		s[name] = &huma.Schema{} // a message may hold itself
		*s[name] = *s.object(m, func(protoreflect.FieldDescriptor) bool { return true })
	}
	return &huma.Schema{Ref: "#/components/schemas/" + name}
}

// object is the schema of a message with the fields that are wanted.
func (s schemasOf) object(m protoreflect.MessageDescriptor, wanted func(protoreflect.FieldDescriptor) bool) *huma.Schema {
	schema := &huma.Schema{Type: "object", Properties: map[string]*huma.Schema{}}
	for i := range m.Fields().Len() {
		f := m.Fields().Get(i)
		if !wanted(f) {
			continue
		}
		schema.Properties[f.JSONName()] = s.field(f)
		if required(f) {
			schema.Required = append(schema.Required, f.JSONName())
		}
	}
	for i := range m.Oneofs().Len() {
		if one := m.Oneofs().Get(i); !one.IsSynthetic() {
			schema.OneOf = oneOf(one)
		}
	}
	return schema
}

// oneOf says that exactly one of the fields is there. No message of A2A has two
// such sets.
func oneOf(one protoreflect.OneofDescriptor) (schemas []*huma.Schema) {
	for i := range one.Fields().Len() {
		schemas = append(schemas, &huma.Schema{Required: []string{one.Fields().Get(i).JSONName()}})
	}
	return schemas
}

func (s schemasOf) field(f protoreflect.FieldDescriptor) *huma.Schema {
	switch {
	case f.IsMap():
		return &huma.Schema{Type: "object", AdditionalProperties: s.value(f.MapValue())}
	case f.IsList():
		return &huma.Schema{Type: "array", Items: s.value(f)}
	}
	return s.value(f)
}

func (s schemasOf) value(f protoreflect.FieldDescriptor) *huma.Schema {
	switch f.Kind() {
	case protoreflect.MessageKind:
		return s.message(f.Message())
	case protoreflect.BoolKind:
		return &huma.Schema{Type: "boolean"}
	case protoreflect.Int32Kind:
		return &huma.Schema{Type: "integer", Format: "int32"}
	case protoreflect.BytesKind:
		return &huma.Schema{Type: "string", ContentEncoding: "base64"}
	case protoreflect.EnumKind:
		schema := textSchema()
		for i := range f.Enum().Values().Len() {
			schema.Enum = append(schema.Enum, string(f.Enum().Values().Get(i).Name()))
		}
		return schema
	}
	return textSchema()
}

// event is the schema of one event of a stream: OpenAPI 3.1 has no word for the
// whole. Its data is a message, or the body of an error that came later.
func (s schemasOf) event(message *huma.Schema) *huma.Schema {
	data := textSchema()
	data.Extensions = map[string]any{"contentMediaType": typeJSON, "contentSchema": &huma.Schema{AnyOf: []*huma.Schema{message, s.failure()}}}
	return &huma.Schema{Type: "object", Required: []string{"data"}, Properties: map[string]*huma.Schema{"id": textSchema(), "data": data}}
}

// failure refers to the body of errors, a google.rpc.Status. Section 11.6.
func (s schemasOf) failure() *huma.Schema {
	const name = "Status"
	s[name] = &huma.Schema{Type: "object", Required: []string{"error"}, Properties: map[string]*huma.Schema{
		"error": {Type: "object", Required: []string{"code", "status", "message"}, Properties: map[string]*huma.Schema{
			"code":    {Type: "integer", Description: "the HTTP status"},
			"status":  {Type: "string", Description: "the name of the gRPC code"},
			"message": textSchema(),
			"details": {Type: "array", Items: &huma.Schema{Type: "object", Required: []string{"@type"}, Properties: map[string]*huma.Schema{"@type": textSchema()}}},
		}},
	}}
	return &huma.Schema{Ref: "#/components/schemas/" + name}
}

// required reports whether the protocol wants a field to be there.
func required(f protoreflect.FieldDescriptor) bool {
	behaviors, _ := proto.GetExtension(f.Options(), annotations.E_FieldBehavior).([]annotations.FieldBehavior)
	return slices.Contains(behaviors, annotations.FieldBehavior_REQUIRED)
}

func textSchema() *huma.Schema { return &huma.Schema{Type: "string"} }
