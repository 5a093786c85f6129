package runtime

import (
	"fmt"
	"strings"
)

// Value types in the letters of the binary format.
const (
	i32       = "\x7f"
	i64       = "\x7e"
	funcref   = 0x70
	externref = 0x6f
)

// valueTypeNames has every value type that is on.
var valueTypeNames = map[byte]string{
	0x7f: "i32", 0x7e: "i64", 0x7d: "f32", 0x7c: "f64", 0x7b: "v128", funcref: "funcref", externref: "externref",
}

// signature is a function type in the letters of the binary format.
type signature struct{ params, results string }

// String writes the type as text: "(i32, i32) -> i64".
func (s signature) String() string {
	results := typesText(s.results)
	if len(s.results) != 1 {
		results = "(" + results + ")"
	}
	return "(" + typesText(s.params) + ") -> " + results
}

func typesText(letters string) string {
	names := make([]string, len(letters))
	for i := range len(letters) {
		names[i] = valueTypeNames[letters[i]]
	}
	return strings.Join(names, ", ")
}

// valueType reads one value type.
func (r *reader) valueType() byte {
	b := r.byte()
	if _, ok := valueTypeNames[b]; !ok {
		r.fail("unsupported_feature", fmt.Sprintf("value type 0x%02x is of a proposal that is off", b))
	}
	return b
}

// valueTypes reads a vector of value types.
func (r *reader) valueTypes() string {
	n := r.count(maxParams)
	start := r.at
	for range n {
		r.valueType()
	}
	if r.err != nil {
		return ""
	}
	return string(r.data[start:r.at])
}
