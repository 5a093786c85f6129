package signing

import (
	"bytes"
	"encoding/json"
	"slices"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"
	"github.com/gowebpki/jcs"
	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// Encode returns a card's JSON: as ProtoJSON has it, and with the required
// members that it leaves out when they are empty. Section 5.7. The bytes are the
// same for the same card, and with its signatures taken out they are canonical.
func Encode(card *a2apb.AgentCard) ([]byte, error) {
	members, err := membersOf(card)
	if err != nil {
		return nil, err
	}
	return canonical(members)
}

// payload is what the signatures of a card sign. Section 8.4.1.
func payload(card *a2apb.AgentCard) ([]byte, error) {
	members, err := membersOf(card)
	if err != nil {
		return nil, err
	}
	delete(members, "signatures")
	return canonical(members)
}

// barePayload is what the official Python SDK (1.3.0) signs: every member that is
// empty is left out, also those that are required. It is the same for a card
// that has none.
func barePayload(card *a2apb.AgentCard) ([]byte, error) {
	members, err := membersOf(card)
	if err != nil {
		return nil, err
	}
	delete(members, "signatures")
	return canonical(withoutEmpty(members))
}

func canonical(v any) ([]byte, error) {
	encoded, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	return jcs.Transform(encoded)
}

func membersOf(card *a2apb.AgentCard) (map[string]any, error) {
	encoded, err := protojson.Marshal(card)
	if err != nil {
		return nil, err
	}
	var members map[string]any
	d := json.NewDecoder(bytes.NewReader(encoded))
	d.UseNumber()
	if err := d.Decode(&members); err != nil {
		return nil, err
	}
	addRequired(members, card.ProtoReflect().Descriptor())
	return members, nil
}

// addRequired adds the members that a message of the kind must have.
func addRequired(members map[string]any, kind protoreflect.MessageDescriptor) {
	fields := kind.Fields()
	for i := range fields.Len() {
		f := fields.Get(i)
		value, there := members[f.JSONName()]
		if !there && required(f) {
			value = emptyOf(f)
			members[f.JSONName()] = value
		}
		inner := f.Message()
		if f.IsMap() {
			inner = f.MapValue().Message()
		}
		if inner != nil && inner.ParentFile().Package() == kind.ParentFile().Package() {
			addRequiredWithin(value, inner, f.IsMap())
		}
	}
}

// addRequiredWithin does so for a message, or for each of a list or map.
func addRequiredWithin(value any, kind protoreflect.MessageDescriptor, isMap bool) {
	switch value := value.(type) {
	case []any:
		for _, v := range value {
			addRequiredWithin(v, kind, false)
		}
	case map[string]any:
		if !isMap {
			addRequired(value, kind)
			return
		}
		for _, v := range value {
			addRequiredWithin(v, kind, false)
		}
	}
}

func required(f protoreflect.FieldDescriptor) bool {
	behaviours, _ := proto.GetExtension(f.Options(), annotations.E_FieldBehavior).([]annotations.FieldBehavior)
	return slices.Contains(behaviours, annotations.FieldBehavior_REQUIRED)
}

// emptyOf is what stands for a required member that has not been set; all of a
// card's are texts, lists and messages.
func emptyOf(f protoreflect.FieldDescriptor) any {
	switch {
	case f.IsList():
		return []any{}
	case f.Message() != nil:
		return map[string]any{}
	}
	return ""
}

// withoutEmpty returns v without what is empty in it, nil when nothing is left.
func withoutEmpty(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for name, value := range v {
			if v[name] = withoutEmpty(value); v[name] == nil {
				delete(v, name)
			}
		}
		if len(v) > 0 {
			return v
		}
	case []any:
		left := []any{}
		for _, value := range v {
			if value = withoutEmpty(value); value != nil {
				left = append(left, value)
			}
		}
		if len(left) > 0 {
			return left
		}
	case string:
		if v != "" {
			return v
		}
	default:
		return v
	}
	return nil
}
