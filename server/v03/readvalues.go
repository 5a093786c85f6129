package v03

import (
	"encoding/base64"
	"encoding/json"
	"math"
	"strconv"
	"strings"

	"google.golang.org/protobuf/types/known/structpb"
)

func (r *reader) text() string {
	s, ok := r.tok.(string)
	if !ok {
		r.fail("must be a string")
	}
	return s
}

func (r *reader) texts() (list []string) {
	r.list(func() { list = append(list, r.text()) })
	return list
}

func (r *reader) boolean() bool {
	b, ok := r.tok.(bool)
	if !ok {
		r.fail("must be true or false")
	}
	return b
}

// integer reads an int32 as ProtoJSON does: a number, also in a string or with
// an empty fraction.
func (r *reader) integer() *int32 {
	var f float64
	var err error
	switch tok := r.tok.(type) {
	case json.Number:
		f, err = tok.Float64()
	case string:
		var n int64
		n, err = strconv.ParseInt(tok, 10, 32)
		f = float64(n)
	default:
		err = strconv.ErrSyntax
	}
	if err != nil || f != math.Trunc(f) || f < math.MinInt32 || f > math.MaxInt32 {
		r.fail("must be an integer of 32 bits")
		return nil
	}
	n := int32(f)
	return &n
}

// bytes reads base64 in the forms that ProtoJSON takes: either alphabet, padded or not.
func (r *reader) bytes() []byte {
	data, err := decodeBase64(r.text())
	if err != nil {
		r.fail("must be base64")
	}
	return data
}

func decodeBase64(s string) ([]byte, error) {
	encoding := base64.StdEncoding
	if strings.ContainsAny(s, "-_") {
		encoding = base64.URLEncoding
	}
	if len(s)%4 != 0 {
		encoding = encoding.WithPadding(base64.NoPadding)
	}
	return encoding.DecodeString(s)
}

// anything reads a value of any kind.
func (r *reader) anything() *structpb.Value {
	if r.depth++; r.depth > maxDepth {
		r.fail("nests deeper than 100 levels")
	}
	defer func() { r.depth-- }()
	if r.err != nil {
		return nil
	}
	switch tok := r.tok.(type) {
	case json.Delim:
		if tok == '{' {
			return structpb.NewStructValue(r.members())
		}
		elements := &structpb.ListValue{}
		r.list(func() { elements.Values = append(elements.Values, r.anything()) })
		return structpb.NewListValue(elements)
	case string:
		return structpb.NewStringValue(tok)
	case bool:
		return structpb.NewBoolValue(tok)
	case json.Number:
		n, err := tok.Float64()
		if err != nil {
			r.fail("is no number of 64 bits")
		}
		return structpb.NewNumberValue(n)
	}
	return structpb.NewNullValue()
}

// members reads an object whose names mean nothing here.
func (r *reader) members() *structpb.Struct {
	if !r.begins('{', "must be an object") {
		return nil
	}
	s := &structpb.Struct{Fields: map[string]*structpb.Value{}}
	for {
		r.next()
		name, ok := r.tok.(string)
		if r.err != nil || !ok {
			return s
		}
		if _, twice := s.Fields[name]; twice {
			r.fail("has a member twice")
		}
		r.path = append(r.path, step{name: name})
		r.next()
		s.Fields[name] = r.anything()
		r.path = r.path[:len(r.path)-1]
	}
}
