package a2ajson

import (
	"time"
	"unicode/utf8"
)

// writer writes what can be written without reflection. ok is false once
// something could not.
type writer struct {
	out []byte
	ok  bool
}

// plain says whether the object can be written here.
func (w *writer) plain(is bool) { w.ok = w.ok && is }

func (w *writer) open()  { w.out = append(w.out, '{') }
func (w *writer) close() { w.out = append(w.out, '}') }

// name begins a member; out ends with the brace of its object or with a member.
func (w *writer) name(name string) {
	if w.out[len(w.out)-1] != '{' {
		w.out = append(w.out, ',')
	}
	w.out = append(w.out, '"')
	w.out = append(w.out, name...)
	w.out = append(w.out, `":`...)
}

// member writes a text that is left out when it is empty.
func (w *writer) member(name, value string) {
	if value != "" {
		w.name(name)
		w.text(value)
	}
}

func (w *writer) flag(name string, value bool) {
	if value {
		w.name(name)
		w.out = append(w.out, "true"...)
	}
}

// enum writes the name of a value that is not 0. A value without one is no plain one.
func (w *writer) enum(name string, value int32, names map[int32]string) {
	if value == 0 {
		return
	}
	text, ok := names[value]
	w.plain(ok)
	w.member(name, text)
}

// moment writes a time with as many groups of three decimals as it has.
func (w *writer) moment(t time.Time) {
	layout := "2006-01-02T15:04:05Z"
	switch n := t.Nanosecond(); {
	case n%1e3 != 0:
		layout = "2006-01-02T15:04:05.000000000Z"
	case n%1e6 != 0:
		layout = "2006-01-02T15:04:05.000000Z"
	case n != 0:
		layout = "2006-01-02T15:04:05.000Z"
	}
	w.out = append(w.out, '"')
	w.out = t.AppendFormat(w.out, layout)
	w.out = append(w.out, '"')
}

// list writes a list that is left out when it is empty.
func list[T any](w *writer, name string, items []T, write func(T)) {
	if len(items) == 0 {
		return
	}
	w.name(name)
	w.out = append(w.out, '[')
	for i, item := range items {
		if i > 0 {
			w.out = append(w.out, ',')
		}
		write(item)
	}
	w.out = append(w.out, ']')
}

// text writes a JSON string. What is no valid UTF-8 is left to the encoder that
// has an error for it.
func (w *writer) text(s string) {
	w.out = append(w.out, '"')
	from, ascii := 0, true
	for i := range len(s) {
		c := s[i]
		if c >= utf8.RuneSelf {
			ascii = false
		}
		if c < ' ' || c == '"' || c == '\\' {
			w.out = append(append(w.out, s[from:i]...), escapes[c]...)
			from = i + 1
		}
	}
	w.out = append(append(w.out, s[from:]...), '"')
	w.plain(ascii || utf8.ValidString(s))
}

// escapes are the characters that a JSON string holds in another form.
var escapes = func() (list ['\\' + 1]string) {
	const hex = "0123456789abcdef"
	for c := range byte(' ') {
		list[c] = `\u00` + string([]byte{hex[c>>4], hex[c&15]})
	}
	list['\b'], list['\f'], list['\n'], list['\r'], list['\t'] = `\b`, `\f`, `\n`, `\r`, `\t`
	list['"'], list['\\'] = `\"`, `\\`
	return list
}()
