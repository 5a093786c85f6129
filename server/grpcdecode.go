package server

import (
	"math"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/structpb"
)

// maxNesting is how deep messages may nest for JSON not to pass maxDepth: a level
// of it takes two, but for the few above the first value.
const maxNesting = 2*maxDepth - 6

// checkMessageValues refuses what a message can hold and JSON cannot: it would be
// stored, and no reader of JSON would get its task back. left is how deep
// messages may still nest.
func checkMessageValues(m protoreflect.Message, left int) (err error) {
	if left == 0 {
		return badField("metadata", "nests too deep")
	}
	if v, ok := m.Interface().(*structpb.Value); ok && !sayable(v) {
		return badField("metadata", "has a value that is none, or a number that is not finite")
	}
	m.Range(func(field protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		err = checkFieldValues(field, v, left-1)
		return err == nil
	})
	return err
}

func checkFieldValues(field protoreflect.FieldDescriptor, v protoreflect.Value, left int) (err error) {
	switch {
	case field.IsMap():
		if field.MapValue().Message() == nil {
			return nil
		}
		v.Map().Range(func(_ protoreflect.MapKey, entry protoreflect.Value) bool {
			err = checkMessageValues(entry.Message(), left)
			return err == nil
		})
	case field.Message() == nil:
	case field.IsList():
		for i := range v.List().Len() {
			if err := checkMessageValues(v.List().Get(i).Message(), left); err != nil {
				return err
			}
		}
	default:
		return checkMessageValues(v.Message(), left)
	}
	return err
}

// sayable reports whether JSON has words for the value.
func sayable(v *structpb.Value) bool {
	switch kind := v.GetKind().(type) {
	case nil:
		return false
	case *structpb.Value_NumberValue:
		return !math.IsNaN(kind.NumberValue) && !math.IsInf(kind.NumberValue, 0)
	}
	return true
}
