package server

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/carrelhq/carrel/internal/a2ajson"
	"github.com/carrelhq/carrel/task"
)

// decodeProto reads ProtoJSON into m: unknown fields are ignored, unknown enum
// names are not. The decoder has one switch for both, so a text with unknown
// fields is read again without them.
func decodeProto(data []byte, m proto.Message) error {
	if a2ajson.Decode(data, m) {
		return nil
	}
	err := protojson.Unmarshal(data, m)
	if err == nil || !strings.Contains(err.Error(), "unknown field") {
		return decodeError(err)
	}
	pruned, err := prune(data, m.ProtoReflect().Descriptor())
	if err != nil {
		return decodeError(err)
	}
	proto.Reset(m)
	return decodeError(protojson.Unmarshal(pruned, m))
}

// prune returns the JSON object without the members that desc does not have.
func prune(data []byte, desc protoreflect.MessageDescriptor) ([]byte, error) {
	var tree any
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	if err := d.Decode(&tree); err != nil {
		return nil, err
	}
	pruneMessage(tree, desc)
	return json.Marshal(tree)
}

func pruneMessage(tree any, desc protoreflect.MessageDescriptor) {
	object, ok := tree.(map[string]any)
	if !ok || desc.FullName().Parent() == "google.protobuf" {
		return // the well-known types have a JSON of their own
	}
	for name, value := range object {
		field := desc.Fields().ByJSONName(name)
		if field == nil {
			field = desc.Fields().ByTextName(name)
		}
		if field == nil {
			delete(object, name)
			continue
		}
		pruneField(value, field)
	}
}

func pruneField(value any, field protoreflect.FieldDescriptor) {
	switch {
	case field.IsMap():
		if entries, ok := value.(map[string]any); ok && field.MapValue().Message() != nil {
			for _, entry := range entries {
				pruneMessage(entry, field.MapValue().Message())
			}
		}
	case field.Message() == nil:
	case field.IsList():
		if items, ok := value.([]any); ok {
			for _, item := range items {
				pruneMessage(item, field.Message())
			}
		}
	default:
		pruneMessage(value, field.Message())
	}
}

// decodeError tells the caller what the decoder did not like; nil for nil.
func decodeError(err error) error {
	if err == nil {
		return nil
	}
	// The decoder varies the blank after its prefix on purpose.
	text := strings.TrimPrefix(strings.ReplaceAll(err.Error(), "\u00a0", " "), "proto: ")
	if strings.HasPrefix(text, "(line ") || strings.HasPrefix(text, "syntax error (line ") {
		if _, rest, ok := strings.Cut(text, "): "); ok {
			text = rest
		}
	}
	const limit = 200
	if len(text) > limit {
		text = strings.ToValidUTF8(text[:limit], "") + "…"
	}
	return badField(fieldIn(text), "is malformed: "+text)
}

// inField gives a decoding error the name of the field where that is known better.
func inField(err error, name string) error {
	var f *task.FieldError
	if !errors.As(err, &f) {
		return err
	}
	return badField(name, f.Problem)
}

// fieldIn finds the field that a decoder's message names.
func fieldIn(text string) string {
	if _, rest, ok := strings.Cut(text, "field "); ok {
		name, _, _ := strings.Cut(rest, ":")
		if name = strings.Trim(name, `"`); name != "" && !strings.ContainsAny(name, " \"{}[]") {
			return name
		}
	}
	return "params"
}
