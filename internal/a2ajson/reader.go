package a2ajson

import "unicode/utf8"

// Reader reads JSON of a form that is known beforehand. At the first thing that
// it does not know, or that is wrong, it stops, and [Reader.End] is false: then
// what was read means nothing.
type Reader struct {
	data  []byte
	at    int
	depth int // of what is passed over
	bad   bool
}

// maxDepth is how deeply values nest that are passed over.
const maxDepth = 32

// NewReader returns a reader of one JSON value. data must not change while it reads.
func NewReader(data []byte) *Reader { return &Reader{data: data} }

// End reports whether all was read, and nothing follows.
func (r *Reader) End() bool { return r.peek() == 0 && !r.bad && r.at == len(r.data) }

// peek passes over white space and returns the next byte, 0 when there is none.
func (r *Reader) peek() byte {
	for ; r.at < len(r.data) && !r.bad; r.at++ {
		switch c := r.data[r.at]; c {
		case ' ', '\t', '\r', '\n':
		default:
			return c
		}
	}
	return 0
}

// take passes over c, which must be next.
func (r *Reader) take(c byte) {
	if r.peek() != c {
		r.bad = true
		return
	}
	r.at++
}

// Object reads an object. For each member it calls read with the index of its
// name in names, each once at most; read reads the value.
func (r *Reader) Object(names []string, read func(i int)) {
	var seen uint64
	r.take('{')
	if r.peek() == '}' {
		r.at++
		return
	}
	for !r.bad {
		i := r.name(names)
		if r.bad || seen&(1<<i) != 0 {
			r.bad = true
			return
		}
		seen |= 1 << i
		r.take(':')
		if read(i); r.last('}') {
			return
		}
	}
}

// name reads a member's name and returns its index.
func (r *Reader) name(names []string) int {
	name := r.text()
	for i, n := range names {
		if n == string(name) {
			return i
		}
	}
	r.bad = true
	return 0
}

// Array reads a list and calls read for each element, which reads it.
func (r *Reader) Array(read func()) {
	r.take('[')
	if r.peek() == ']' {
		r.at++
		return
	}
	for !r.bad {
		if read(); r.last(']') {
			return
		}
	}
}

// last passes over the comma before the next entry, or over the bracket at the end.
func (r *Reader) last(bracket byte) bool {
	switch r.peek() {
	case bracket:
		r.at++
		return true
	case ',':
		r.at++
	default:
		r.bad = true
	}
	return false
}

// Bool reads true or false.
func (r *Reader) Bool() bool {
	is := r.peek() == 't'
	word := "false"
	if is {
		word = "true"
	}
	if len(r.data)-r.at < len(word) || string(r.data[r.at:r.at+len(word)]) != word {
		r.bad = true
		return false
	}
	r.at += len(word)
	return is
}

// Raw reads a value of any form and returns its text, which is part of the input.
func (r *Reader) Raw() []byte {
	r.peek()
	from := r.at
	if r.skip(); r.bad {
		return nil
	}
	return r.data[from:r.at]
}

// skip passes over a value.
func (r *Reader) skip() {
	switch r.peek() {
	case '"':
		r.text()
	case '{':
		r.skipTo('}', true)
	case '[':
		r.skipTo(']', false)
	case 't', 'f':
		r.Bool()
	default:
		r.count()
	}
}

// skipTo passes over an object or a list.
func (r *Reader) skipTo(bracket byte, named bool) {
	r.at++
	if r.peek() == bracket {
		r.at++
		return
	}
	r.depth++
	defer func() { r.depth-- }()
	r.bad = r.bad || r.depth > maxDepth
	for !r.bad {
		if named {
			r.text()
			r.take(':')
		}
		if r.skip(); r.last(bracket) {
			return
		}
	}
}

// count reads a whole number of up to nine digits.
func (r *Reader) count() (n int32) {
	first := r.peek()
	from := r.at
	for r.at < len(r.data) && '0' <= r.data[r.at] && r.data[r.at] <= '9' && r.at-from < 9 {
		n = 10*n + int32(r.data[r.at]-'0')
		r.at++
	}
	digits := r.at - from
	if digits == 0 || digits > 1 && first == '0' {
		r.bad = true
	}
	switch r.peek() {
	case ',', '}', ']', 0:
	default:
		r.bad = true
	}
	return n
}

// Text reads a string.
func (r *Reader) Text() string { return string(r.text()) }

// text reads a string; the result is part of the input where that needs no change.
func (r *Reader) text() []byte {
	r.take('"')
	if r.bad {
		return nil
	}
	from, ascii := r.at, true
	for ; r.at < len(r.data); r.at++ {
		switch c := r.data[r.at]; {
		case c == '"':
			r.at++
			return r.valid(r.data[from:r.at-1], ascii)
		case c == '\\':
			return r.unescape(r.data[from:r.at])
		case c < ' ':
			r.bad = true
			return nil
		case c >= utf8.RuneSelf:
			ascii = false
		}
	}
	r.bad = true
	return nil
}

func (r *Reader) valid(text []byte, ascii bool) []byte {
	r.bad = r.bad || !ascii && !utf8.Valid(text)
	return text
}

// unescape reads the rest of a string with escapes; those by number are not read here.
func (r *Reader) unescape(begun []byte) []byte {
	out := append(make([]byte, 0, 2*len(begun)+64), begun...)
	for ; r.at < len(r.data); r.at++ {
		switch c := r.data[r.at]; {
		case c == '"':
			r.at++
			return r.valid(out, false)
		case c == '\\' && r.at+1 < len(r.data) && unescaped[r.data[r.at+1]] != 0:
			r.at++
			out = append(out, unescaped[r.data[r.at]])
		case c == '\\' || c < ' ':
			r.bad = true
			return nil
		default:
			out = append(out, c)
		}
	}
	r.bad = true
	return nil
}

// unescaped are the characters that stand for others behind a backslash.
var unescaped = [256]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}
