package server

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/carrelhq/carrel/task"
)

func TestEnvelopesAreDecodedStrictly(t *testing.T) {
	t.Parallel()
	deep := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	for _, test := range []struct {
		name, in string
		id       string
		want     error
	}{
		{"a call", `{"jsonrpc":"2.0","id":1,"method":"m","params":{"a":[1,{"b":null}]}}`, `1`, nil},
		{"members in any order, with blanks", " {\n\"params\" : { } ,\"method\":\"m\",\t\"id\":\"x\" , \"jsonrpc\":\"2.0\"} ", `"x"`, nil},
		{"a null id", `{"jsonrpc":"2.0","id":null,"method":"m"}`, `null`, nil},
		{"a number that no float holds", `{"jsonrpc":"2.0","id":12345678901234567890,"method":"m"}`, `12345678901234567890`, nil},
		{"unknown members", `{"jsonrpc":"2.0","id":1,"method":"m","extra":{"id":2}}`, `1`, nil},
		{"null params", `{"jsonrpc":"2.0","id":1,"method":"m","params":null}`, `1`, nil},
		{"as deep as allowed", `{"jsonrpc":"2.0","id":1,"method":"m","params":{"a":` + deep(maxDepth-2) + `}}`, `1`, nil},
		{"too deep", `{"jsonrpc":"2.0","id":1,"method":"m","params":{"a":` + deep(maxDepth-1) + `}}`, ``, errParse},
		{"very deep", deep(1 << 20), ``, errParse},
		{"very deep and never closed", strings.Repeat(`{"a":`, 1<<20), ``, errParse},
		{"as many values as allowed", `{"jsonrpc":"2.0","id":1,"method":"m","params":{"a":[0` + strings.Repeat(",0", maxValues-6) + `]}}`, `1`, nil},
		{"too many values", `{"jsonrpc":"2.0","id":1,"method":"m","params":{"a":[0` + strings.Repeat(",0", maxValues-5) + `]}}`, ``, errTooLarge},
		{"too many empty values", `{"jsonrpc":"2.0","id":1,"method":"m","params":{"a":[{}` + strings.Repeat(",{}", 300_000) + `]}}`, ``, errTooLarge},
		{"nothing", ``, ``, errParse},
		{"blanks", "  \n", ``, errParse},
		{"half an object", `{"jsonrpc":"2.0"`, ``, errParse},
		{"a trailing comma", `{"jsonrpc":"2.0","id":1,"method":"m",}`, ``, errParse},
		{"two objects", `{"jsonrpc":"2.0","id":1,"method":"m"}{"jsonrpc":"2.0","id":2,"method":"m"}`, ``, errParse},
		{"text after the object", `{"jsonrpc":"2.0","id":1,"method":"m"} x`, ``, errParse},
		{"invalid UTF-8", "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"m\xff\"}", ``, errParse},
		{"a raw control character", "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"m\x01\"}", ``, errParse},
		{"HTML", `<html></html>`, ``, errParse},
		{"an empty batch", `[]`, ``, errInvalidRequest},
		{"a batch", `[{"jsonrpc":"2.0","id":1,"method":"m"}]`, ``, errInvalidRequest},
		{"a string", `"hello"`, ``, errInvalidRequest},
		{"no id", `{"jsonrpc":"2.0","method":"m"}`, ``, errInvalidRequest},
		{"an object as id", `{"jsonrpc":"2.0","id":{},"method":"m"}`, ``, errInvalidRequest},
		{"a boolean as id", `{"jsonrpc":"2.0","id":true,"method":"m"}`, ``, errInvalidRequest},
		{"a huge id", `{"jsonrpc":"2.0","id":"` + strings.Repeat("x", maxRPCID) + `","method":"m"}`, ``, errInvalidRequest},
		{"two ids", `{"jsonrpc":"2.0","id":1,"id":2,"method":"m"}`, ``, errInvalidRequest},
		{"another version", `{"jsonrpc":"1.0","id":7,"method":"m"}`, `7`, errInvalidRequest},
		{"no version", `{"id":7,"method":"m"}`, `7`, errInvalidRequest},
		{"no method", `{"jsonrpc":"2.0","id":7}`, `7`, errInvalidRequest},
		{"a number as method", `{"jsonrpc":"2.0","id":7,"method":5}`, `7`, errInvalidRequest},
		{"null as method", `{"jsonrpc":"2.0","id":7,"method":null}`, `7`, errInvalidRequest},
		{"a list as params", `{"jsonrpc":"2.0","id":7,"method":"m","params":[]}`, `7`, task.ErrInvalidParams},
		{"a string as params", `{"jsonrpc":"2.0","id":7,"method":"m","params":"x"}`, `7`, task.ErrInvalidParams},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			e, err := decodeEnvelope([]byte(test.in))
			if !errors.Is(err, test.want) || (err == nil) != (test.want == nil) {
				t.Errorf("got error %v, want %v", err, test.want)
			}
			if string(e.id) != test.id {
				t.Errorf("got id %s, want %s", e.id, test.id)
			}
			if err == nil && e.method != "m" {
				t.Errorf("got method %q, want m", e.method)
			}
		})
	}
}

func FuzzDecodeEnvelope(f *testing.F) {
	for _, seed := range []string{
		`{"jsonrpc":"2.0","id":1,"method":"SendMessage","params":{"message":{"parts":[{"text":"h\u00e9\n"}]}}}`,
		`[1,-0.5e+3,{"a":[true,false,null]},"\ud800"]`, `{"id":`, `{"a":01}`, `{}`, "\xff", `{"a":1,"a":2}`, `[[[[{}]]],{}]`, `-`, `1.`, `1e`, `"\u12"`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		e, err := decodeEnvelope(data)
		if err != nil {
			if _, known := onWire(err); !known {
				t.Errorf("an error without a number: %v", err)
			}
			return
		}
		var want struct {
			ID, Params json.RawMessage
			Method     string
		}
		if err := json.Unmarshal(data, &want); err != nil {
			t.Fatalf("accepted what encoding/json refuses: %v", err)
		}
		if !json.Valid(e.id) || e.params != nil && !json.Valid(e.params) {
			t.Errorf("got id %q and params %q, which are not JSON", e.id, e.params)
		}
	})
}

// FuzzScanner holds the scanner to encoding/json.
func FuzzScanner(f *testing.F) {
	for _, seed := range []string{`{"a":[1,2,{"b":"\\\""}]}`, `[]`, ` null `, `1E-2`, `{"":{}}`, `[1,]`, `{"a" 1}`, `tru`, `"`, `\`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if bytes.Count(data, []byte("["))+bytes.Count(data, []byte("{")) > maxDepth || len(data) > maxValues || !utf8.Valid(data) {
			return
		}
		s := scanner{data: data}
		got := s.document(func([]byte, []byte) {}) == nil
		if want := json.Valid(data); got != want {
			t.Errorf("%q: got valid %v, want %v", data, got, want)
		}
	})
}

func TestAnAdminBodyIsShort(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for size, want := range map[int]int{maxAdminBody: http.StatusCreated, maxAdminBody + 1: http.StatusRequestEntityTooLarge, 10 << 20: http.StatusRequestEntityTooLarge} {
		body := `{"name":"x"}`
		body += strings.Repeat(" ", size-len(body))
		if r := h.do("POST", "/api/v1/tenants/acme/keys", body, "token", "acme", "Content-Type", "application/json"); r.StatusCode != want {
			t.Errorf("%d bytes: got %d %s, want %d", size, r.StatusCode, r.body, want)
		}
	}
}
