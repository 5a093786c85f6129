// Package codec reads and writes the JSON of the ABI without reflection, so that
// an agent's first run costs no more than its second. The generated types of
// package agent are its only users; it knows no schema and keeps no state
// between values.
package codec

import (
	"encoding/base64"
	"errors"
	"strconv"
	"unsafe"
)

// MaxDepth is the deepest nesting of objects and arrays a Reader follows.
const MaxDepth = 1000

// ErrSyntax is returned for input that is not the JSON that was asked for.
var ErrSyntax = errors.New("codec: malformed JSON")

// ErrDepth is returned for input nested deeper than MaxDepth.
var ErrDepth = errors.New("codec: JSON nested too deep")

// Reader takes one JSON value apart, front to back. After the first error every
// method returns a zero value; End tells what it was.
type Reader struct {
	data  []byte
	pos   int
	depth int
	name  []byte
	err   error
}

// NewReader returns a reader of data, which must not change any more: the strings
// that are read are parts of it where they can be.
func NewReader(data []byte) *Reader { return &Reader{data: data} }

// End returns the first error, or ErrSyntax if something follows the value.
func (r *Reader) End() error {
	if r.peek() != 0 || r.pos < len(r.data) {
		r.fail(ErrSyntax)
	}
	return r.err
}

// Fields opens an object, and NextField goes on in it: both report whether there
// is a field, whose name is [Reader.Name] and whose value the caller reads or skips
// before it asks for the next. Null has no fields.
func (r *Reader) Fields() bool {
	if r.pos+1 < len(r.data) && r.data[r.pos] == '{' && r.data[r.pos+1] == '"' && r.depth < MaxDepth {
		r.depth++
		return r.fieldAt(r.pos + 2)
	}
	return !r.Null() && r.open('{') && !r.shut('}', true) && r.field()
}

// NextField is described with Fields.
func (r *Reader) NextField() bool {
	if r.pos+1 < len(r.data) && r.data[r.pos] == ',' && r.data[r.pos+1] == '"' {
		return r.fieldAt(r.pos + 2)
	}
	return !r.shut('}', false) && r.field()
}

// fieldAt is field where the name begins at start, behind its quotation mark: most
// names are plain, and a colon follows. Each call that is not made counts: in a
// guest one takes as long as ten bytes.
func (r *Reader) fieldAt(start int) bool {
	for i, c := range r.data[start:] {
		if plain[c] {
			continue
		}
		end := start + i
		if c == '"' && end+1 < len(r.data) && r.data[end+1] == ':' {
			r.name, r.pos = r.data[start:end], end+2
			return true
		}
		break
	}
	r.pos = start - 1
	return r.field()
}

func (r *Reader) field() bool {
	r.name = r.text()
	return r.expect(':')
}

// Name is the name of the field that Fields or NextField came to last. It is only
// valid until the next one, which may be of an object in the value.
func (r *Reader) Name() []byte { return r.name }

// Elements opens an array, and NextElement goes on in it: both report whether there
// is an element, which the caller reads or skips before it asks for the next. Null
// has no elements.
func (r *Reader) Elements() bool { return !r.Null() && r.open('[') && !r.shut(']', true) }

// NextElement is described with Elements.
func (r *Reader) NextElement() bool { return !r.shut(']', false) }

// Null reports whether the next value is null, and consumes it if so.
func (r *Reader) Null() bool { return r.peek() == 'n' && r.word("null") }

// String reads a string; null is empty.
func (r *Reader) String() string {
	if r.pos < len(r.data) && r.data[r.pos] == '"' {
		start := r.pos + 1
		for i, c := range r.data[start:] {
			if plain[c] {
				continue
			}
			if c == '"' {
				r.pos = start + i + 1
				return view(r.data[start : start+i])
			}
			break
		}
	}
	if r.Null() {
		return ""
	}
	return view(r.text())
}

// view returns text, which does not change, as a string.
func view(text []byte) string { return unsafe.String(unsafe.SliceData(text), len(text)) }

// Base64 reads a string of base64 in standard encoding; null is nil, an empty string is not.
func (r *Reader) Base64() []byte {
	if r.Null() {
		return nil
	}
	text := r.text()
	b := make([]byte, base64.StdEncoding.DecodedLen(len(text)))
	n, err := base64.StdEncoding.Decode(b, text)
	if err != nil {
		r.fail(err)
		return nil
	}
	return b[:n]
}

// Int reads a whole number; null is 0.
func (r *Reader) Int() int64 {
	if n, ok := r.small(); ok {
		return n
	}
	if r.Null() {
		return 0
	}
	n, err := strconv.ParseInt(string(r.number()), 10, 64)
	if err != nil {
		r.fail(err)
	}
	return n
}

// Uint reads a whole number that is not negative; null is 0.
func (r *Reader) Uint() uint64 {
	if r.Null() {
		return 0
	}
	n, err := strconv.ParseUint(string(r.number()), 10, 64)
	if err != nil {
		r.fail(err)
	}
	return n
}

// Bool reads true or false; null is false.
func (r *Reader) Bool() bool {
	switch r.peek() {
	case 't':
		return r.word("true")
	case 'f':
		r.word("false")
		return false
	}
	if !r.Null() {
		r.fail(ErrSyntax)
	}
	return false
}

// Raw returns a copy of the next value as it stands.
func (r *Reader) Raw() []byte {
	r.peek()
	start := r.pos
	r.Skip()
	if r.err != nil {
		return nil
	}
	return append([]byte(nil), r.data[start:r.pos]...)
}

// Skip passes over the next value, whatever it is, and checks its syntax.
func (r *Reader) Skip() {
	switch c := r.peek(); c {
	case '{':
		for ok := r.Fields(); ok; ok = r.NextField() {
			r.Skip()
		}
	case '[':
		for ok := r.Elements(); ok; ok = r.NextElement() {
			r.Skip()
		}
	case '"':
		r.text()
	case 't', 'f':
		r.Bool()
	case 'n':
		r.Null()
	default:
		r.number()
	}
}
