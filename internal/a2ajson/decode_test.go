package a2ajson

import (
	"testing"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/carrelhq/carrel/internal/faults"
)

const (
	message  = `{"messageId":"m","role":"ROLE_USER","parts":[{"text":"a\n\"é"},{"text":"","mediaType":"x","filename":"f"}]}`
	artifact = `{"artifactId":"a","name":"n","description":"d","extensions":["e"],"parts":[{"text":"x"}]}`
)

// texts are requests, messages or artifacts, and which of the three are read here.
var texts = []struct{ name, text, read string }{
	{"a request", `{"message":` + message + `,"configuration":{"acceptedOutputModes":["a","b"],"historyLength":12,"returnImmediately":true},"tenant":"t"}`, "request"},
	{"a message", message, "message"},
	{"a whole message", `{"role":"ROLE_AGENT","contextId":"c","taskId":"t","referenceTaskIds":["r","s"],"extensions":[]}`, "message"},
	{"an artifact", artifact, "artifact"},
	{"parts only", ` { "parts" : [ { "text" : "x" } , {} ] } ` + "\r\n\t", "message artifact"},
	{"nothing", `{}`, "request message artifact"},
	{"escapes", `{"parts":[{"text":"\b\f\n\r\t\/\\\" x"}]}`, "message artifact"},
	{"an escape by number", `{"parts":[{"text":"\u00e9"}]}`, ""},
	{"a wrong escape", `{"parts":[{"text":"\x"}]}`, ""},
	{"a control character", "{\"parts\":[{\"text\":\"\n\"}]}", ""},
	{"and behind an escape", "{\"parts\":[{\"text\":\"\\n\n\"}]}", ""},
	{"no UTF-8", "{\"parts\":[{\"text\":\"\xff\"}]}", ""},
	{"no UTF-8 behind an escape", "{\"parts\":[{\"text\":\"\\n\xff\"}]}", ""},
	{"a name twice", `{"parts":[],"parts":[]}`, ""},
	{"a name of the proto file", `{"message_id":"m"}`, ""},
	{"an unknown name", `{"other":1}`, ""},
	{"null", `{"parts":null}`, ""},
	{"nothing at all", ``, ""},
	{"an open end", `{"parts":[]`, ""},
	{"an open text", `{"parts":[{"text":"x`, ""},
	{"an open escape", `{"parts":[{"text":"x\`, ""},
	{"an open list", `{"parts":[{}`, ""},
	{"a comma too many", `{"parts":[],}`, ""},
	{"and in a list", `{"parts":[{},]}`, ""},
	{"a comma too few", `{"parts":[]"extensions":[]}`, ""},
	{"more behind the end", `{} {}`, ""},
	{"a zero byte behind the end", "{}\x00", ""},
	{"a list", `[]`, ""},
	{"an unknown role", `{"role":"user"}`, ""},
	{"a role by number", `{"role":1}`, ""},
	{"no bool", `{"configuration":{"returnImmediately":"true"}}`, ""},
	{"false", `{"configuration":{"returnImmediately":false}}`, "request"},
	{"an open bool", `{"configuration":{"returnImmediately":fals`, ""},
	{"zero", `{"configuration":{"historyLength":0}}`, "request"},
	{"a number that begins with zero", `{"configuration":{"historyLength":01}}`, ""},
	{"a number with an exponent", `{"configuration":{"historyLength":1e1}}`, ""},
	{"a negative number", `{"configuration":{"historyLength":-1}}`, ""},
	{"a number of ten digits", `{"configuration":{"historyLength":1234567890}}`, ""},
	{"a number as text", `{"configuration":{"historyLength":"1"}}`, ""},
}

func kinds() map[string]proto.Message {
	return map[string]proto.Message{"request": &a2apb.SendMessageRequest{}, "message": &a2apb.Message{}, "artifact": &a2apb.Artifact{}}
}

func TestDecodeReadsWhatProtoJSONWould(t *testing.T) {
	t.Parallel()
	for _, tt := range texts {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			read := ""
			for _, kind := range []string{"request", "message", "artifact"} {
				if decodesAsProtoJSON(t, []byte(tt.text), kinds()[kind]) {
					read += " " + kind
				}
			}
			if read != "" {
				read = read[1:]
			}
			if read != tt.read {
				t.Errorf("read as %q, want %q", read, tt.read)
			}
		})
	}
	if Decode([]byte("{}"), &a2apb.AgentCard{}) {
		t.Error("a card was read")
	}
}

// decodesAsProtoJSON decodes text into m, which is empty.
func decodesAsProtoJSON(t *testing.T, text []byte, m proto.Message) bool {
	t.Helper()
	want := m.ProtoReflect().New().Interface()
	if !Decode(text, m) {
		if !proto.Equal(m, want) {
			t.Errorf("%s: left %v", text, m)
		}
		return false
	}
	if err := protojson.Unmarshal(text, want); err != nil {
		t.Errorf("%s: read, but %v", text, err)
	} else if !proto.Equal(m, want) {
		t.Errorf("%s: got %v, want %v", text, m, want)
	}
	return true
}

func FuzzDecode(f *testing.F) {
	for _, tt := range texts {
		f.Add([]byte(tt.text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, m := range kinds() {
			decodesAsProtoJSON(t, text, m)
		}
	})
}

func TestSeededFaultsAreNoticed(t *testing.T) {
	t.Parallel()
	const written, read = "TestAppendIsProtoJSON", "TestDecodeReadsWhatProtoJSONWould"
	faults.Noticed(t, []faults.Fault{
		{"bytes that are no UTF-8 are written", "writer.go", "w.plain(ascii || utf8.ValidString(s))", "w.plain(ascii || s != \"\")", written},
		{"metadata is lost", "append.go", "w.plain(m != nil && m.Metadata == nil)", "w.plain(m != nil)", written},
		{"decimals are lost", "writer.go", "	case n%1e6 != 0:", "	case n < 0:", written},
		{"bytes that are no UTF-8 are read", "reader.go", "!ascii && !utf8.Valid(text)", "!ascii && text == nil", read},
		{"a member counts twice", "reader.go", "r.bad || seen&(1<<i) != 0", "r.bad", read},
		{"what follows is not looked at", "reader.go", "!r.bad && r.at == len(r.data)", "!r.bad", read},
		{"zeros may come first", "reader.go", "digits > 1 && first == '0'", "digits > 9 && first == '0'", read},
		{"what was read before a mistake stays", "decode.go", "	proto.Reset(m)\n	return false", "	return false", read},
	})
}
