package codec

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// documents are JSON texts, and texts that almost are, on which this package and
// encoding/json must agree.
var documents = []string{
	`null`, `true`, `false`, `nul`, `truth`, `nullx`, ``, ` `, "\ufeff{}",
	`0`, `-0`, `-`, `01`, `1.`, `.5`, `1.5e3`, `1e`, `1e+`, `1E-7`, `+1`, `1e999`, `-12345678901234567890`, `0x1`,
	`""`, `"a`, `"\"\\\/\b\f\n\r\t"`, `"\x"`, `"\u00e9"`, `"\u00E9\u0000"`, `"\u12"`, `"\u12g4"`, `"é 😀"`, "\"a\nb\"", "\"\x7f\"", `"\`,
	"\"\x80\"", "\"é\xffé\"", "\"\xed\xa0\x80\"", "\"\xc3\"", "\xff", "{\"\xff\":1}",
	`"\ud83d\ude00"`, `"\ud83d"`, `"\ud83dx"`, `"\ud83d\u0041"`, `"\ude00\ud83d"`, `"\ud83d\ud83d\ude00"`, `"\ud83d\u12"`,
	`[]`, `[ 1 , 2 ]`, `[1,]`, `[,1]`, `[1 2]`, `[`, `]`, `[[],[[]]]`, `[1}`,
	`{}`, `{"a":1}`, ` { "a" : [ true , null ] , "b" : { } } `, `{"a":1,}`, `{,}`, `{"a"}`, `{"a":}`, `{a:1}`, `{"a":1 "b":2}`,
	`{"a":1,"a":2}`, `{"\u0061":1}`, `{"a":{"b":{"c":["d"]}}}`, `{"a":1}}`, `{"a":1} x`, `{"a":1]`,
}

// agree compares what Any and encoding/json make of a text.
func agree(t *testing.T, text string) {
	t.Helper()
	r := NewReader([]byte(text))
	got := r.any()
	err := r.End()
	if errors.Is(err, ErrDepth) {
		return // encoding/json goes deeper
	}
	var want any
	if wantErr := json.Unmarshal([]byte(text), &want); (err == nil) != (wantErr == nil) {
		t.Fatalf("%q: got error %v, encoding/json %v", text, err, wantErr)
	} else if err == nil && !reflect.DeepEqual(got, want) {
		t.Fatalf("%q: got %#v, encoding/json %#v", text, got, want)
	}
}

func TestValuesAreReadAsEncodingJSONReadsThem(t *testing.T) {
	t.Parallel()
	for _, text := range documents {
		agree(t, text)
	}
}

func TestSkippedValuesAreChecked(t *testing.T) {
	t.Parallel()
	for _, text := range documents {
		r := NewReader([]byte(text))
		r.Skip()
		if err := r.End(); (err == nil) != json.Valid([]byte(text)) {
			t.Errorf("%q: got error %v, valid is %v", text, err, json.Valid([]byte(text)))
		}
	}
}

// TestStringsAndNumbersAreReadAsEncodingJSONReadsThem tries them in lists, as the
// only member of an object, and with spaces around them.
func TestStringsAndNumbersAreReadAsEncodingJSONReadsThem(t *testing.T) {
	t.Parallel()
	for _, text := range append(documents, `1`, `12`, `123456789`, `1234567890`, `-5`, `007`, `1 2`, `12x`, `9223372036854775807`, `9223372036854775808`) {
		for _, form := range []string{`[%s]`, `{"a":%s}`, `{"a":%s,"b":%[1]s}`, ` [ %s ] `, ` { "a" : %s } `, `[%s`, `{"a":%s`} {
			document := fmt.Sprintf(form, text)
			reads(t, document, (*Reader).String, "")
			reads(t, document, (*Reader).Int, 0)
		}
	}
}

// reads has a list or object of values of a type read.
func reads[T comparable](t *testing.T, document string, read func(*Reader) T, zero T) {
	t.Helper()
	r := NewReader([]byte(document))
	var got []T
	if strings.HasPrefix(strings.TrimSpace(document), "{") {
		for ok := r.Fields(); ok; ok = r.NextField() {
			got = append(got, read(r))
		}
	} else {
		for ok := r.Elements(); ok; ok = r.NextElement() {
			got = append(got, read(r))
		}
	}
	err := r.End()
	var list []T
	wantErr := json.Unmarshal([]byte(document), &list)
	if strings.HasPrefix(strings.TrimSpace(document), "{") {
		object := struct{ A, B *T }{}
		wantErr = json.Unmarshal([]byte(document), &object)
		list = nil
		for _, p := range []*T{object.A, object.B} {
			if p != nil {
				list = append(list, *p)
			} else if len(list) < len(got) {
				list = append(list, zero)
			}
		}
	}
	if (err == nil) != (wantErr == nil) || err == nil && !slices.Equal(got, list) {
		t.Errorf("%q: got %v, %v; encoding/json %v, %v", document, got, err, list, wantErr)
	}
}

func TestRawIsTheValueAsItStands(t *testing.T) {
	t.Parallel()
	text := []byte(` { "a" : [ 1.0 , "\u00e9" ] } `)
	r := NewReader(text)
	raw := r.Raw()
	if err := r.End(); err != nil {
		t.Fatal(err)
	}
	clear(text)
	if want := `{ "a" : [ 1.0 , "\u00e9" ] }`; string(raw) != want {
		t.Errorf("got %q, want %q: a copy", raw, want)
	}
}

func TestNestingHasAnEnd(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		depth int
		want  error
	}{{MaxDepth, nil}, {MaxDepth + 1, ErrDepth}, {1 << 20, ErrDepth}} {
		r := NewReader([]byte(strings.Repeat("[", c.depth) + strings.Repeat("]", c.depth)))
		r.Skip()
		if err := r.End(); !errors.Is(err, c.want) {
			t.Errorf("depth %d: got %v, want %v", c.depth, err, c.want)
		}
	}
}

func TestNeighborsDoNotNest(t *testing.T) {
	t.Parallel()
	r := NewReader([]byte("[" + strings.Repeat(`[{}],`, MaxDepth) + "[]]"))
	r.Skip()
	if err := r.End(); err != nil {
		t.Error(err)
	}
}

// typed compares one method of Reader with encoding/json reading into its type.
func typed[T any](t *testing.T, text string, read func(*Reader) T) {
	t.Helper()
	r := NewReader([]byte(text))
	got := read(r)
	err := r.End()
	var want T
	if wantErr := json.Unmarshal([]byte(text), &want); (err == nil) != (wantErr == nil) {
		t.Errorf("%T of %q: got error %v, encoding/json %v", want, text, err, wantErr)
	} else if err == nil && !reflect.DeepEqual(got, want) {
		t.Errorf("%q: got %#v, encoding/json %#v", text, got, want)
	}
}

func readAllTypes(t *testing.T, text string) {
	t.Helper()
	typed(t, text, (*Reader).String)
	if !strings.HasPrefix(strings.TrimLeft(text, " \t\r\n"), "[") { // encoding/json takes arrays of numbers for bytes, too
		typed(t, text, (*Reader).Base64)
	}
	typed(t, text, (*Reader).Int)
	typed(t, text, (*Reader).Uint)
	typed(t, text, (*Reader).Bool)
	typed(t, text, (*Reader).Object)
}

func TestTypesAreReadAsEncodingJSONReadsThem(t *testing.T) {
	t.Parallel()
	for _, text := range append([]string{
		`9223372036854775807`, `9223372036854775808`, `-9223372036854775808`, `18446744073709551615`, `18446744073709551616`,
		`"AQID"`, `"AQI="`, `"AQI"`, `"A"`, `"-_-_"`, `"AQ\nID"`, `"AQ\u0049D"`, `"+/+/"`,
	}, documents...) {
		readAllTypes(t, text)
	}
}

func TestWhatIsWrittenIsJSON(t *testing.T) {
	t.Parallel()
	var w Writer
	w.Open('{')
	w.Name("text")
	w.String("\"\\/\b\f\n\r\t\x00\x1f\x7f\u2028<é😀>")
	w.Name("bytes")
	w.Base64([]byte{0, 0xfb, 0xff})
	w.Name("numbers")
	w.Open('[')
	w.Int(math.MinInt64)
	w.Uint(math.MaxUint64)
	w.Bool(true)
	w.Raw(nil)
	w.Raw([]byte(`{"a":1}`))
	w.Close(']')
	w.Name("empty")
	w.Empty()
	w.Close('}')
	var got struct {
		Text    string
		Bytes   []byte
		Numbers []json.RawMessage
		Empty   map[string]any
	}
	if err := json.Unmarshal(w.Bytes(), &got); err != nil {
		t.Fatalf("%v: %s", err, w.Bytes())
	}
	if got.Text != "\"\\/\b\f\n\r\t\x00\x1f\x7f\u2028<é😀>" || string(got.Bytes) != "\x00\xfb\xff" || got.Empty == nil {
		t.Errorf("got %+v", got)
	}
	want := []string{"-9223372036854775808", "18446744073709551615", "true", "null", `{"a":1}`}
	for i, n := range got.Numbers {
		if string(n) != want[i] {
			t.Errorf("element %d: got %s, want %s", i, n, want[i])
		}
	}
}

func TestTextThatIsNotUTF8IsReplaced(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"\xff", "a\xc3", "\xed\xa0\x80", "\xf8\x88\x80\x80\x80", "é\xffé"} {
		var w Writer
		w.String(s)
		var got, want string
		text, err := json.Marshal(s)
		if err := errors.Join(err, json.Unmarshal(text, &want), json.Unmarshal(w.Bytes(), &got)); err != nil || got != want {
			t.Errorf("%q: got %q, %v, want %q", s, got, err, want)
		}
		if !utf8.Valid(w.Bytes()) {
			t.Errorf("%q: %q is not UTF-8", s, w.Bytes())
		}
	}
}

func TestAnyWritesWhatEncodingJSONWrites(t *testing.T) {
	t.Parallel()
	for _, v := range []any{
		nil, "a\n", true, 1.5, 1e21, 1e-9, 42.0, math.Copysign(0, -1), 7, uint8(8), []string{"a"}, struct{ A int }{1}, json.Number("12"), []byte("x"),
		map[string]any{"b": []any{1.0, nil}, "a\"": map[string]any{}}, map[string]int{"a": 1},
	} {
		var w Writer
		w.Any(v)
		var got, want any
		text, err := json.Marshal(v)
		err = errors.Join(err, w.Err(), json.Unmarshal(text, &want), json.Unmarshal(w.Bytes(), &got))
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%#v: got %s, %v, want %s", v, w.Bytes(), err, text)
		}
	}
}

func TestWhatCannotBeWrittenIsAnError(t *testing.T) {
	t.Parallel()
	for _, v := range []any{math.NaN(), math.Inf(-1), make(chan int), map[string]any{"a": func() {}}, []any{math.Inf(1)}} {
		var w Writer
		w.Any(v)
		if w.Err() == nil {
			t.Errorf("%v is written as %s", v, w.Bytes())
		}
	}
}

func FuzzReader(f *testing.F) {
	for _, text := range documents {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		agree(t, text)
		readAllTypes(t, text)
	})
}

func FuzzWriter(f *testing.F) {
	f.Add("a\"\\\n\xff", []byte{0, 255}, int64(-1), uint64(math.MaxUint64), 1.5)
	f.Fuzz(func(t *testing.T, s string, b []byte, i int64, u uint64, n float64) {
		var w Writer
		w.Open('[')
		w.String(s)
		w.Base64(b)
		w.Int(i)
		w.Uint(u)
		w.Any(map[string]any{s: n})
		w.Close(']')
		if w.Err() != nil {
			return
		}
		if !json.Valid(w.Bytes()) {
			t.Fatalf("not JSON: %q", w.Bytes())
		}
		r := NewReader(w.Bytes())
		var index int
		for ok := r.Elements(); ok; ok = r.NextElement() {
			index++
			switch index {
			case 1:
				if got, want := r.String(), strings.ToValidUTF8(s, "\ufffd"); utf8.ValidString(s) && got != want {
					t.Errorf("got %q, want %q", got, want)
				}
			case 2:
				if got := r.Base64(); string(got) != string(b) {
					t.Errorf("got %q, want %q", got, b)
				}
			case 3:
				if got := r.Int(); got != i {
					t.Errorf("got %d, want %d", got, i)
				}
			case 4:
				if got := r.Uint(); got != u {
					t.Errorf("got %d, want %d", got, u)
				}
			default:
				if got := r.Object(); utf8.ValidString(s) && got[s] != n {
					t.Errorf("got %v, want %v", got, n)
				}
			}
		}
		if err := r.End(); err != nil || index != 5 {
			t.Errorf("%d elements, %v", index, err)
		}
	})
}
