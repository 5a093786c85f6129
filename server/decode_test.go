package server

import (
	"errors"
	"strings"
	"testing"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/carrelhq/carrel/task"
)

func TestUnknownFieldsAreIgnoredAndUnknownWordsAreNot(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, in, field string }{
		{"nothing unknown", `{"message":{"messageId":"m","parts":[{"data":{"a":[1,{"b":null}]}}]}}`, ""},
		{"unknown at the top", `{"future":{"x":1},"message":{"messageId":"m"}}`, ""},
		{"unknown in a list", `{"message":{"parts":[{"text":"a","kind":"text"},{"url":"u","future":[1]}]}}`, ""},
		{"members of data are not fields", `{"future":1,"message":{"parts":[{"data":{"role":"x","future":1}}],"metadata":{"future":{"x":1}}}}`, ""},
		{"an unknown word", `{"message":{"role":"ROLE_KING"}}`, "role"},
		{"an unknown word beside an unknown field", `{"message":{"role":"ROLE_KING","future":1}}`, "role"},
		{"a number for a text", `{"message":{"messageId":5}}`, "messageId"},
		{"a text for a number", `{"configuration":{"historyLength":"many"}}`, "historyLength"},
		{"a list for an object", `{"message":[]}`, "params"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			err := decodeProto([]byte(test.in), &a2apb.SendMessageRequest{})
			var f *task.FieldError
			if test.field == "" && err != nil || test.field != "" && (!errors.As(err, &f) || f.Field != test.field) {
				t.Errorf("got %v, want an error about %q", err, test.field)
			}
			if err != nil && strings.ContainsRune(err.Error(), '\u00a0') {
				t.Errorf("%q has the decoder's odd blank", err)
			}
		})
	}
}

func TestNumbersSurviveTheWayAroundUnknownFields(t *testing.T) {
	t.Parallel()
	var plain, pruned a2apb.SendMessageRequest
	const message = `"message":{"messageId":"m","parts":[{"data":{"n":1234567890.125,"e":1e30}}],"metadata":{"k":9007199254740991}}`
	if err := errors.Join(decodeProto([]byte(`{`+message+`}`), &plain), decodeProto([]byte(`{"future":1,`+message+`}`), &pruned)); err != nil {
		t.Fatal(err)
	}
	if !proto.Equal(&plain, &pruned) {
		t.Errorf("got %v, want %v", &pruned, &plain)
	}
}

// FuzzDecodeProto holds the decoder to the lenient one of protobuf, which takes
// all that ours takes and means the same by it.
func FuzzDecodeProto(f *testing.F) {
	for _, seed := range []string{
		`{"message":{"messageId":"m","role":"ROLE_USER","parts":[{"text":"hi","x":1}]},"x":{}}`,
		`{"configuration":{"historyLength":"3","x":[]}}`, `{"message":{"metadata":{"a":{"b":[null]}}},"x":1}`, `{"message":{"parts":[{"raw":"AA=="}]}}`, `{"x":1,"x":2}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if _, err := topMembers(data); err != nil {
			return // no JSON comes this far
		}
		var got, want a2apb.SendMessageRequest
		if err := decodeProto(data, &got); err != nil {
			if !errors.Is(err, task.ErrInvalidParams) {
				t.Errorf("got %v, want the caller's fault", err)
			}
			return
		}
		if err := (protojson.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(data, &want); err != nil {
			t.Fatalf("accepted what protobuf refuses: %v", err)
		}
		if !proto.Equal(&got, &want) {
			t.Errorf("got %v, want %v", &got, &want)
		}
	})
}
