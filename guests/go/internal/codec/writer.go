package codec

import (
	"encoding/base64"
	"strconv"
	"unicode/utf8"
)

// Writer builds one JSON value in memory. The zero value is ready to use. It
// trusts its caller to open, name and close in order. Its small methods are not
// inlined: in the generated code, which calls them for every field, that would
// make modules a good deal larger and no faster.
type Writer struct {
	buf []byte
	// comma says that the next name or element follows another one.
	comma bool
	err   error
}

// Reset makes the writer write another value, over the one that it has.
func (w *Writer) Reset() { *w = Writer{buf: w.buf[:0]} }

// firstSize is what a writer has room for at first, in bytes: a small reply.
const firstSize = 512

// Bytes returns what was written. It stays valid until the next write.
func (w *Writer) Bytes() []byte { return w.buf }

// Err returns the first error of [Writer.Any], the only method that has any.
func (w *Writer) Err() error { return w.err }

// Empty writes an object without fields.
func (w *Writer) Empty() {
	w.Open('{')
	w.Close('}')
}

// Open starts an object or array with its bracket.
//
//go:noinline
func (w *Writer) Open(bracket byte) {
	if w.buf == nil {
		w.buf = make([]byte, 0, firstSize)
	}
	w.separate()
	w.buf = append(w.buf, bracket)
	w.comma = false
}

// Close ends an object or array with its bracket.
//
//go:noinline
func (w *Writer) Close(bracket byte) {
	w.buf = append(w.buf, bracket)
	w.comma = true
}

// Name writes the name of the next field, which must need no escapes.
//
//go:noinline
func (w *Writer) Name(name string) {
	w.separate()
	w.buf = append(w.buf, '"')
	w.buf = append(w.buf, name...)
	w.buf = append(w.buf, '"', ':')
	w.comma = false
}

// String writes a string; bytes that are not UTF-8 become U+FFFD.
//
//go:noinline
func (w *Writer) String(s string) {
	w.separate()
	w.buf = append(w.buf, '"')
	w.quote(s)
	w.buf = append(w.buf, '"')
	w.comma = true
}

// Around writes a value into an empty writer: head and tail as they are, and s as a
// string between them.
func (w *Writer) Around(head []byte, s string, tail []byte) {
	w.buf = append(w.buf, head...)
	w.buf = append(w.buf, '"')
	w.quote(s)
	w.buf = append(w.buf, '"')
	w.buf = append(w.buf, tail...)
}

// Base64 writes bytes as a string in standard base64.
func (w *Writer) Base64(b []byte) {
	w.separate()
	w.buf = append(w.buf, '"')
	w.buf = base64.StdEncoding.AppendEncode(w.buf, b)
	w.buf = append(w.buf, '"')
	w.comma = true
}

// Int writes a number.
func (w *Writer) Int(n int64) {
	w.separate()
	w.buf = strconv.AppendInt(w.buf, n, 10)
	w.comma = true
}

// Uint writes a number.
func (w *Writer) Uint(n uint64) {
	w.separate()
	w.buf = strconv.AppendUint(w.buf, n, 10)
	w.comma = true
}

// Bool writes true or false.
func (w *Writer) Bool(b bool) {
	w.separate()
	w.buf = strconv.AppendBool(w.buf, b)
	w.comma = true
}

// Raw writes a value that is JSON already; an empty one is null.
func (w *Writer) Raw(raw []byte) {
	w.separate()
	if len(raw) == 0 {
		raw = []byte("null")
	}
	w.buf = append(w.buf, raw...)
	w.comma = true
}

func (w *Writer) separate() {
	if w.comma {
		w.buf = append(w.buf, ',')
	}
}

// quote works on a buffer of its own: to store the writer's each time is most of
// the work in a guest.
func (w *Writer) quote(s string) {
	buf, start := w.buf, 0
	for i := 0; i < len(s); {
		c := s[i]
		switch {
		case plain[c]:
			i++
		case c < utf8.RuneSelf:
			buf = append(buf, s[start:i]...)
			buf = appendEscape(buf, c)
			i++
			start = i
		default:
			r, size := utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && size == 1 {
				buf = append(buf, s[start:i]...)
				buf = utf8.AppendRune(buf, utf8.RuneError)
				start = i + 1
			}
			i += size
		}
	}
	w.buf = append(buf, s[start:]...)
}

func appendEscape(buf []byte, c byte) []byte {
	const hex = "0123456789abcdef"
	switch c {
	case '"', '\\':
		return append(buf, '\\', c)
	case '\n':
		return append(buf, '\\', 'n')
	case '\t':
		return append(buf, '\\', 't')
	case '\r':
		return append(buf, '\\', 'r')
	}
	return append(buf, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
}
