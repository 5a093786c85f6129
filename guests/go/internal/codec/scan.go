package codec

import (
	"unicode/utf16"
	"unicode/utf8"
)

// fail goes to the end, where nothing more is read.
func (r *Reader) fail(err error) {
	if r.err == nil {
		r.err = err
	}
	r.pos = len(r.data)
}

// peek passes over white space and returns the next byte, or 0 at the end or
// after an error.
func (r *Reader) peek() byte {
	if r.pos < len(r.data) && r.data[r.pos] > ' ' {
		return r.data[r.pos]
	}
	return r.peekFurther()
}

func (r *Reader) peekFurther() byte {
	for ; r.pos < len(r.data); r.pos++ {
		switch c := r.data[r.pos]; c {
		case ' ', '\t', '\r', '\n':
		default:
			return c
		}
	}
	return 0
}

func (r *Reader) expect(c byte) bool {
	if r.peek() != c {
		r.fail(ErrSyntax)
		return false
	}
	r.pos++
	return true
}

func (r *Reader) open(bracket byte) bool {
	if r.depth++; r.depth > MaxDepth {
		r.fail(ErrDepth)
	}
	return r.expect(bracket)
}

// shut reports whether the object or array ends here; if not, it passes over the
// comma before every entry but the first.
func (r *Reader) shut(bracket byte, first bool) bool {
	switch c := r.peek(); {
	case c == bracket:
		r.pos++
		r.depth--
		return true
	case !first:
		r.expect(',')
	}
	return r.err != nil
}

func (r *Reader) word(w string) bool {
	if len(r.data)-r.pos < len(w) || string(r.data[r.pos:r.pos+len(w)]) != w {
		r.fail(ErrSyntax)
		return false
	}
	r.pos += len(w)
	return true
}

// number returns the next number, after checking its grammar.
func (r *Reader) number() []byte {
	r.peek()
	start := r.pos
	r.accept('-')
	if !r.accept('0') && r.digits() == 0 {
		r.fail(ErrSyntax)
	}
	if r.accept('.') && r.digits() == 0 {
		r.fail(ErrSyntax)
	}
	if r.accept('e') || r.accept('E') {
		_ = r.accept('+') || r.accept('-')
		if r.digits() == 0 {
			r.fail(ErrSyntax)
		}
	}
	return r.data[start:r.pos]
}

// small reads a number of at most nine digits between which and the next entry is
// nothing. Else it reads nothing, and ok is false.
func (r *Reader) small() (n int64, ok bool) {
	for i, c := range r.data[r.pos:] {
		switch {
		case '0' <= c && c <= '9' && i < 9 && (i == 0 || n > 0):
			n = 10*n + int64(c-'0')
		case i > 0 && (c == ',' || c == '}' || c == ']'):
			r.pos += i
			return n, true
		default:
			return 0, false
		}
	}
	return 0, false
}

func (r *Reader) accept(c byte) bool {
	if r.pos == len(r.data) || r.data[r.pos] != c {
		return false
	}
	r.pos++
	return true
}

func (r *Reader) digits() (n int) {
	for r.pos < len(r.data) && '0' <= r.data[r.pos] && r.data[r.pos] <= '9' {
		r.pos++
		n++
	}
	return n
}

// text reads a string. The result is part of the input where that needs no
// change, so it must not be kept.
func (r *Reader) text() []byte {
	if !r.expect('"') {
		return nil
	}
	data, start := r.data, r.pos
	i := start
	for i < len(data) && plain[data[i]] {
		i++
	}
	if i < len(data) && data[i] == '"' {
		r.pos = i + 1
		return data[start:i]
	}
	return r.unquote(i)
}

// plain are the bytes that stand for themselves in a string, each a character.
var plain = func() (t [256]bool) {
	for c := ' '; c < utf8.RuneSelf; c++ {
		t[c] = c != '"' && c != '\\'
	}
	return t
}()

// unquote reads the rest of a string whose first i-r.pos bytes are plain.
func (r *Reader) unquote(i int) []byte {
	out := append([]byte(nil), r.data[r.pos:i]...)
	r.pos = i
	for r.pos < len(r.data) {
		c := r.data[r.pos]
		switch {
		case c == '"':
			r.pos++
			return out
		case c == '\\':
			out = r.escape(out)
		case c < ' ':
			r.fail(ErrSyntax)
		case c < utf8.RuneSelf:
			out = append(out, c)
			r.pos++
		default:
			point, size := utf8.DecodeRune(r.data[r.pos:])
			out = utf8.AppendRune(out, point)
			r.pos += size
		}
		if r.err != nil {
			return nil
		}
	}
	r.fail(ErrSyntax)
	return nil
}

func (r *Reader) escape(out []byte) []byte {
	if r.pos+1 >= len(r.data) {
		r.fail(ErrSyntax)
		return out
	}
	c := r.data[r.pos+1]
	r.pos += 2
	switch c {
	case '"', '\\', '/':
		return append(out, c)
	case 'b':
		return append(out, '\b')
	case 'f':
		return append(out, '\f')
	case 'n':
		return append(out, '\n')
	case 'r':
		return append(out, '\r')
	case 't':
		return append(out, '\t')
	case 'u':
		return utf8.AppendRune(out, r.point())
	}
	r.fail(ErrSyntax)
	return out
}

// point reads the four digits after \u, and the second half of a surrogate pair
// where one follows. A lone half becomes U+FFFD.
func (r *Reader) point() rune {
	high, ok := r.hex(r.pos)
	if !ok {
		r.fail(ErrSyntax)
		return 0
	}
	r.pos += 4
	if !utf16.IsSurrogate(high) {
		return high
	}
	if r.pos+1 < len(r.data) && r.data[r.pos] == '\\' && r.data[r.pos+1] == 'u' {
		if low, ok := r.hex(r.pos + 2); ok {
			if pair := utf16.DecodeRune(high, low); pair != utf8.RuneError {
				r.pos += 6
				return pair
			}
		}
	}
	return utf8.RuneError
}

func (r *Reader) hex(at int) (rune, bool) {
	if at+4 > len(r.data) {
		return 0, false
	}
	var n rune
	for _, c := range r.data[at : at+4] {
		switch {
		case '0' <= c && c <= '9':
			n = n<<4 | rune(c-'0')
		case 'a' <= c|0x20 && c|0x20 <= 'f':
			n = n<<4 | rune(c|0x20-'a'+10)
		default:
			return 0, false
		}
	}
	return n, true
}
