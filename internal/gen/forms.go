package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"
)

// Values that are changed by careless codecs.
const sampleText = "a \"quoted\" line,\n\té, \u2028, \U0001F600, <&> and \\ of {\x01}"

var sampleBytes = []byte{0, 0xfb, 0xff, 'x'}

// wellKnown are samples of messages whose ProtoJSON is not an object of their fields.
var wellKnown = map[protoreflect.FullName]string{
	"google.protobuf.Timestamp": `"2026-01-02T03:04:05.678Z"`,
	"google.protobuf.Struct":    `{"a": [1.5, -2e300, true, null, "é\n", {}], "b": {"c": []}}`,
	"google.protobuf.Value":     `[{"a": null}, "\"", 0.1]`,
}

// forms returns the file of examples that the SDK's tests read: JSON texts of
// every object of the ABI, as carrel writes them, by the object's name in the SDK.
func forms(m *model) ([]byte, error) {
	var entries []string
	for _, o := range slices.Concat(m.Calls, m.Exports, m.A2A) {
		if len(o.Fields) > 0 {
			entries = append(entries, fmt.Sprintf("%q: [\n%s\n]", o.Go, strings.Join(o.Forms, ",\n")))
		}
	}
	text := []byte("{\n" + strings.Join(entries, ",\n") + "\n}\n")
	if !json.Valid(text) {
		return nil, errors.New("the forms are not JSON")
	}
	return text, nil
}

// protoForms returns samples of a message in ProtoJSON, without the spaces that vary.
func protoForms(d protoreflect.MessageDescriptor) (list []string, err error) {
	messages, err := samples(d)
	if err != nil {
		return nil, err
	}
	for _, m := range messages {
		text, err := protojson.Marshal(m.Interface())
		if err != nil {
			return nil, err
		}
		var out bytes.Buffer
		if err := json.Compact(&out, text); err != nil {
			return nil, err
		}
		list = append(list, out.String())
	}
	return list, nil
}

// samples returns messages with every field set, one for every choice of fields.
func samples(d protoreflect.MessageDescriptor) (list []protoreflect.Message, err error) {
	if text, ok := wellKnown[d.FullName()]; ok {
		m := dynamicpb.NewMessage(d)
		return []protoreflect.Message{m}, protojson.Unmarshal([]byte(text), m)
	}
	choices := 1
	if d.Oneofs().Len() > 0 {
		choices = d.Oneofs().Get(0).Fields().Len()
	}
	for i := range choices {
		m := dynamicpb.NewMessage(d)
		for j := range d.Fields().Len() {
			f := d.Fields().Get(j)
			if o := f.ContainingOneof(); o == nil || o.Fields().Get(i) == f {
				if err := fill(m, f); err != nil {
					return nil, fmt.Errorf("%s: %w", f.FullName(), err)
				}
			}
		}
		list = append(list, m)
	}
	return list, nil
}

// fill sets one field of m.
func fill(m protoreflect.Message, f protoreflect.FieldDescriptor) error {
	values, err := values(f)
	if err != nil {
		return err
	}
	if !f.IsList() {
		m.Set(f, values[0])
		return nil
	}
	list := m.Mutable(f).List()
	for _, v := range values {
		list.Append(v)
	}
	return nil
}

func values(f protoreflect.FieldDescriptor) (list []protoreflect.Value, err error) {
	switch f.Kind() {
	case protoreflect.StringKind:
		return []protoreflect.Value{protoreflect.ValueOfString(sampleText)}, nil
	case protoreflect.BytesKind:
		return []protoreflect.Value{protoreflect.ValueOfBytes(sampleBytes)}, nil
	case protoreflect.EnumKind:
		return []protoreflect.Value{protoreflect.ValueOfEnum(1)}, nil
	case protoreflect.MessageKind:
		messages, err := samples(f.Message())
		for _, m := range messages {
			list = append(list, protoreflect.ValueOfMessage(m))
		}
		return list, err
	}
	return nil, fmt.Errorf("no sample for %s", f.Kind())
}
