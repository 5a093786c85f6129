package server

import (
	"cmp"
	"encoding/json"
	"maps"
	"net/url"
	"slices"
	"unicode/utf8"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/carrelhq/carrel/task"
)

// queryAliases are names that clients use for parameters of another name.
var queryAliases = map[string]string{
	"lastUpdatedAfter": "statusTimestampAfter", // the official Go client, v2.4.0
}

// decodeQuery reads query parameters into the fields of a message that they
// name: text, numbers, booleans, enums and times. What names none is ignored;
// what is malformed or there twice is an invalid field. Section 11.5.
func decodeQuery(query string, req proto.Message) error {
	params, err := url.ParseQuery(query)
	if err != nil {
		return badField("query", "is not properly encoded")
	}
	var bad task.FieldErrors
	seen := map[protoreflect.FieldNumber]bool{}
	for _, name := range slices.Sorted(maps.Keys(params)) {
		field := queryField(req.ProtoReflect().Descriptor(), cmp.Or(queryAliases[name], name))
		if field == nil {
			continue
		}
		switch value := params.Get(name); {
		case len(params[name]) > 1 || seen[field.Number()]:
			bad.Add(field.JSONName(), "is there twice")
		case !utf8.ValidString(value):
			bad.Add(field.JSONName(), "is not valid UTF-8")
		default:
			bad.Join(mergeParam(req, field, value))
		}
		seen[field.Number()] = true
	}
	return bad.Err()
}

// queryField is the field of the name, nil for none and for fields that are no
// single value.
func queryField(desc protoreflect.MessageDescriptor, name string) protoreflect.FieldDescriptor {
	field := desc.Fields().ByJSONName(name)
	if field == nil {
		field = desc.Fields().ByTextName(name)
	}
	if field == nil || field.IsList() || field.IsMap() {
		return nil
	}
	if m := field.Message(); m != nil && m.FullName() != "google.protobuf.Timestamp" {
		return nil
	}
	return field
}

// mergeParam reads one value as ProtoJSON would: there, numbers and times may be
// text, and booleans may not.
func mergeParam(req proto.Message, field protoreflect.FieldDescriptor, value string) error {
	encoded := json.RawMessage(marshal(value))
	if field.Kind() == protoreflect.BoolKind {
		if value != "true" && value != "false" {
			return badField(field.JSONName(), "must be true or false")
		}
		encoded = json.RawMessage(value)
	}
	one := req.ProtoReflect().New().Interface()
	if err := decodeProto(marshal(map[string]json.RawMessage{field.JSONName(): encoded}), one); err != nil {
		return inField(err, field.JSONName())
	}
	proto.Merge(req, one)
	return nil
}
