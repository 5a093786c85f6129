package v03

import (
	"encoding/base64"
	"errors"
	"maps"
	"math"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// What JSON cannot have, and what the decoders never let in.
var (
	errUTF8   = errors.New("v03: text is not valid UTF-8")
	errNumber = errors.New("v03: number is not finite")
	errTime   = errors.New("v03: time is out of range")
)

// writer appends JSON. The first error stays, and makes the text void.
type writer struct {
	dialect Dialect
	// twins and once are what EitherFastA2A and RESTOnce have beyond their dialect.
	twins, once bool
	buf         []byte
	err         error
}

func (w *writer) fail(err error) {
	if w.err == nil {
		w.err = err
	}
}

func (w *writer) raw(s string) { w.buf = append(w.buf, s...) }

// comma separates from what is before, if anything is.
func (w *writer) comma() {
	if last := w.buf[len(w.buf)-1]; last != '{' && last != '[' {
		w.buf = append(w.buf, ',')
	}
}

// name begins a member; a plain name needs no escapes.
func (w *writer) name(plain string) {
	w.comma()
	w.buf = append(w.buf, '"')
	w.buf = append(w.buf, plain...)
	w.buf = append(w.buf, '"', ':')
}

// member writes a string member; optional leaves an empty one out.
func (w *writer) member(name, value string) {
	w.name(name)
	w.text(value)
}

func (w *writer) optional(name, value string) {
	if value != "" {
		w.member(name, value)
	}
}

func (w *writer) flag(name string, value bool) {
	w.name(name)
	w.buf = strconv.AppendBool(w.buf, value)
}

func (w *writer) texts(name string, values []string) {
	if len(values) == 0 {
		return
	}
	w.name(name)
	list(w, values, w.text)
}

func (w *writer) metadata(s *structpb.Struct) {
	if s != nil {
		w.name("metadata")
		w.object(s)
	}
}

// list writes a list of what write writes.
func list[E any](w *writer, elements []E, write func(E)) {
	w.buf = append(w.buf, '[')
	for i, e := range elements {
		if i > 0 {
			w.buf = append(w.buf, ',')
		}
		write(e)
	}
	w.buf = append(w.buf, ']')
}

func (w *writer) base64(data []byte) {
	w.buf = append(w.buf, '"')
	w.buf = base64.StdEncoding.AppendEncode(w.buf, data)
	w.buf = append(w.buf, '"')
}

// time writes a time with milliseconds, and nanoseconds where there are some.
func (w *writer) time(t *timestamppb.Timestamp) {
	if !t.IsValid() {
		w.fail(errTime)
		return
	}
	layout := `"2006-01-02T15:04:05.000Z"`
	if t.GetNanos()%int32(time.Millisecond) != 0 {
		layout = `"2006-01-02T15:04:05.000000000Z"`
	}
	w.buf = t.AsTime().AppendFormat(w.buf, layout)
}

// object writes the members in the order of their names, so that the same object
// is the same text.
func (w *writer) object(s *structpb.Struct) {
	w.buf = append(w.buf, '{')
	for i, name := range slices.Sorted(maps.Keys(s.GetFields())) {
		if i > 0 {
			w.buf = append(w.buf, ',')
		}
		w.text(name)
		w.buf = append(w.buf, ':')
		w.value(s.GetFields()[name])
	}
	w.buf = append(w.buf, '}')
}

func (w *writer) value(v *structpb.Value) {
	switch v := v.GetKind().(type) {
	case *structpb.Value_StructValue:
		w.object(v.StructValue)
	case *structpb.Value_ListValue:
		list(w, v.ListValue.GetValues(), w.value)
	case *structpb.Value_StringValue:
		w.text(v.StringValue)
	case *structpb.Value_BoolValue:
		w.buf = strconv.AppendBool(w.buf, v.BoolValue)
	case *structpb.Value_NumberValue:
		w.number(v.NumberValue)
	default:
		w.raw("null")
	}
}

// number writes a number as JavaScript does, and encoding/json.
func (w *writer) number(f float64) {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		w.fail(errNumber)
		return
	}
	format := byte('f')
	if abs := math.Abs(f); abs != 0 && (abs < 1e-6 || abs >= 1e21) {
		format = 'e'
	}
	w.buf = strconv.AppendFloat(w.buf, f, format, -1, 64)
	if n := len(w.buf); format == 'e' && w.buf[n-2] == '0' && w.buf[n-3] == '-' { // e-09
		w.buf = append(w.buf[:n-2], w.buf[n-1])
	}
}

// text writes a string. It does not escape for HTML.
func (w *writer) text(s string) {
	if !utf8.ValidString(s) {
		w.fail(errUTF8)
		return
	}
	w.buf = append(w.buf, '"')
	done := 0
	for i := range len(s) {
		c := s[i]
		if c >= 0x20 && c != '"' && c != '\\' {
			continue
		}
		w.buf = append(w.buf, s[done:i]...)
		w.escape(c)
		done = i + 1
	}
	w.buf = append(w.buf, s[done:]...)
	w.buf = append(w.buf, '"')
}

func (w *writer) escape(c byte) {
	switch c {
	case '"', '\\':
		w.buf = append(w.buf, '\\', c)
	case '\n':
		w.raw(`\n`)
	case '\r':
		w.raw(`\r`)
	case '\t':
		w.raw(`\t`)
	default:
		const hex = "0123456789abcdef"
		w.buf = append(w.buf, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
	}
}
