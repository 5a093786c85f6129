package codec

import (
	"encoding/json"
	"maps"
	"math"
	"slices"
	"strconv"
)

// Object reads an object of any fields, as encoding/json has them: numbers are
// float64. Null is nil.
func (r *Reader) Object() map[string]any {
	if r.Null() {
		return nil
	}
	m := map[string]any{}
	for ok := r.Fields(); ok; ok = r.NextField() {
		key := string(r.Name())
		m[key] = r.any()
	}
	return m
}

func (r *Reader) any() any {
	switch r.peek() {
	case '{':
		return r.Object()
	case '[':
		list := []any{}
		for ok := r.Elements(); ok; ok = r.NextElement() {
			list = append(list, r.any())
		}
		return list
	case '"':
		return string(r.text())
	case 't', 'f':
		return r.Bool()
	case 'n':
		r.Null()
		return nil
	}
	return r.float()
}

func (r *Reader) float() float64 {
	n, err := strconv.ParseFloat(string(r.number()), 64)
	if err != nil {
		r.fail(err)
	}
	return n
}

// Any writes any value. What [Reader.Object] returns is written without
// reflection, everything else as encoding/json does it; Err tells when that fails.
func (w *Writer) Any(v any) {
	switch v := v.(type) {
	case nil:
		w.Raw(nil)
	case string:
		w.String(v)
	case bool:
		w.Bool(v)
	case float64:
		w.float(v)
	case map[string]any:
		w.object(v)
	case []any:
		w.Open('[')
		for _, e := range v {
			w.Any(e)
		}
		w.Close(']')
	default:
		w.other(v)
	}
}

// object writes names in order: equal objects are equal texts.
func (w *Writer) object(m map[string]any) {
	w.Open('{')
	for _, name := range slices.Sorted(maps.Keys(m)) {
		w.String(name)
		w.buf = append(w.buf, ':')
		w.comma = false
		w.Any(m[name])
	}
	w.Close('}')
}

func (w *Writer) float(f float64) {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		w.other(f)
		return
	}
	w.separate()
	w.buf = strconv.AppendFloat(w.buf, f, 'g', -1, 64)
	w.comma = true
}

func (w *Writer) other(v any) {
	text, err := json.Marshal(v)
	if err != nil && w.err == nil {
		w.err = err
	}
	w.Raw(text)
}
