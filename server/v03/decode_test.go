package v03

import (
	"errors"
	"strings"
	"testing"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
)

func TestWhatIsMalformedIsNamed(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat(`[`, 101) + strings.Repeat(`]`, 101)
	for _, test := range []struct {
		name, in, field string
		binding         Dialect
	}{
		{"no object", `[]`, "params", JSONRPC},
		{"no JSON", `{"message":`, "message", JSONRPC},
		{"nothing at all", ``, "params", JSONRPC},
		{"two values", `{} {}`, "params", JSONRPC},
		{"a message that is a list", `{"message":[]}`, "message", JSONRPC},
		{"a number for a text", `{"message":{"messageId":5}}`, "message.messageId", JSONRPC},
		{"another kind of message", `{"message":{"kind":"task"}}`, "message.kind", JSONRPC},
		{"a role that is none", `{"message":{"role":"king"}}`, "message.role", JSONRPC},
		{"parts that are no list", `{"message":{"parts":{}}}`, "message.parts", JSONRPC},
		{"a part that is none", `{"message":{"parts":[{"kind":"text","text":""},null]}}`, "message.parts[1]", JSONRPC},
		{"a part of nothing", `{"message":{"parts":[{"kind":"text"}]}}`, "message.parts[0]", JSONRPC},
		{"a part of two things", `{"message":{"parts":[{"text":"a","data":{}}]}}`, "message.parts[0]", JSONRPC},
		{"a part of another kind", `{"message":{"parts":[{"kind":"data","text":"a"}]}}`, "message.parts[0].kind", JSONRPC},
		{"a part of a kind that is none", `{"message":{"parts":[{"kind":"raw","raw":""}]}}`, "message.parts[0].kind", JSONRPC},
		{"data that is no object", `{"message":{"parts":[{"kind":"data","data":[1]}]}}`, "message.parts[0].data", JSONRPC},
		{"data that is no object in REST", `{"message":{"content":[{"data":{"data":1}}]}}`, "message.content[0].data.data", REST},
		{"a file of nothing", `{"message":{"parts":[{"kind":"file","file":{"name":"a"}}]}}`, "message.parts[0].file", JSONRPC},
		{"a file of two things", `{"message":{"parts":[{"kind":"file","file":{"bytes":"","uri":""}}]}}`, "message.parts[0].file", JSONRPC},
		{"bytes that are not base64", `{"message":{"parts":[{"kind":"file","file":{"bytes":"?"}}]}}`, "message.parts[0].file.bytes", JSONRPC},
		{"raw that is not base64", `{"message":{"parts":[{"raw":"?"}]}}`, "message.parts[0].raw", JSONRPC},
		{"a name twice", `{"message":{"messageId":"a","messageId":"b"}}`, "message.messageId", JSONRPC},
		{"a name twice, spelled differently", `{"message":{"messageId":"a","message_id":"b"}}`, "message.messageId", JSONRPC},
		{"a name twice in metadata", `{"metadata":{"a":{"b":1,"b":2}}}`, "metadata.a", JSONRPC},
		{"a number that is too great", `{"metadata":{"a":1e999}}`, "metadata.a", JSONRPC},
		{"metadata that is no object", `{"metadata":1}`, "metadata", JSONRPC},
		{"metadata that is deep", `{"metadata":{"a":` + deep + `}}`, "metadata.a" + strings.Repeat("[0]", 63) + "[…", JSONRPC},
		{"a length that is a fraction", `{"configuration":{"historyLength":1.5}}`, "configuration.historyLength", JSONRPC},
		{"a length that is too great", `{"configuration":{"historyLength":2147483648}}`, "configuration.historyLength", JSONRPC},
		{"a length in words", `{"configuration":{"historyLength":"many"}}`, "configuration.historyLength", JSONRPC},
		{"a length that is true", `{"configuration":{"historyLength":true}}`, "configuration.historyLength", JSONRPC},
		{"blocking in words", `{"configuration":{"blocking":"true"}}`, "configuration.blocking", JSONRPC},
		{"a mode that is none", `{"configuration":{"acceptedOutputModes":[null]}}`, "configuration.acceptedOutputModes[0]", JSONRPC},
		{"a scheme that is none", `{"configuration":{"pushNotificationConfig":{"authentication":{"schemes":"Bearer"}}}}`, "configuration.pushNotificationConfig.authentication.schemes", JSONRPC},
		{"a long name", `{"metadata":{"` + strings.Repeat("a", 300) + `":1e999}}`, "metadata." + strings.Repeat("a", 191) + "…", JSONRPC},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := Decode([]byte(test.in), &a2apb.SendMessageRequest{}, test.binding)
			var f *FieldError
			if !errors.As(err, &f) || f.Field != test.field {
				t.Errorf("got %v, want an error about %q", err, test.field)
			}
		})
	}
}

func TestWhatIsAskedFor(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, in, want    string
		binding, answerIn Dialect
		req               proto.Message
	}{
		{"null is nothing", `{"message":null,"metadata":null,"configuration":{"blocking":null,"historyLength":null}}`, `{"configuration":{}}`, JSONRPC, JSONRPC, &a2apb.SendMessageRequest{}},
		{"no configuration waits", `{"message":{"kind":"message"}}`, `{"message":{}}`, JSONRPC, JSONRPC, &a2apb.SendMessageRequest{}},
		{"one that does not say waits", `{"configuration":{}}`, `{"configuration":{}}`, JSONRPC, JSONRPC, &a2apb.SendMessageRequest{}},
		{"a message under the name of its field in REST", `{"request":{"message_id":"m"}}`, `{"message":{"messageId":"m"}}`, REST, REST, &a2apb.SendMessageRequest{}},
		{"one that does not say does not wait in REST", `{"configuration":{"historyLength":0}}`, `{"configuration":{"returnImmediately":true}}`, REST, REST, &a2apb.SendMessageRequest{}},
		{"no history", `{"configuration":{"historyLength":"0"}}`, `{"configuration":{"historyLength":0}}`, JSONRPC, JSONRPC, &a2apb.SendMessageRequest{}},
		{"snake_case and what is unknown", `{"future":[{}],"message":{"message_id":"m","future":{"messageId":1},"parts":[{"kind":"file","file":{"uri":"u","mime_type":"m/t"}}]}}`, `{"message":{"messageId":"m","parts":[{"url":"u","mediaType":"m/t"}]}}`, JSONRPC, JSONRPC, &a2apb.SendMessageRequest{}},
		{"names in metadata are kept", `{"metadata":{"a_b":1,"aB":null}}`, `{"metadata":{"a_b":1,"aB":null}}`, JSONRPC, JSONRPC, &a2apb.SendMessageRequest{}},
		{"a message without a kind, of the specification's samples", `{"message":{"messageId":"m","role":"user","parts":[{"kind":"text","text":"tell me a joke"}]}}`, `{"message":{"messageId":"m","role":"ROLE_USER","parts":[{"text":"tell me a joke"}]}}`, JSONRPC, JSONRPC, &a2apb.SendMessageRequest{}},
		{"parts without a kind, as the models of Python take them", `{"message":{"parts":[{"file":{"uri":"u"}}]}}`, `{"message":{"parts":[{"url":"u"}]}}`, JSONRPC, JSONRPC, &a2apb.SendMessageRequest{}},
		{"nothing has a kind", `{"message":{"parts":[{"data":[1]}]},"tenant":"t"}`, `{"message":{"parts":[{"data":[1]}]},"tenant":"t"}`, JSONRPC, FastA2A, &a2apb.SendMessageRequest{}},
		{"data that was wrapped", `{"message":{"kind":"message","parts":[{"kind":"data","data":{"value":[1]},"metadata":{"data_part_compat":true}}]}}`, `{"message":{"parts":[{"data":[1]}]}}`, JSONRPC, JSONRPC, &a2apb.SendMessageRequest{}},
		{"data that says so and was not", `{"message":{"kind":"message","parts":[{"kind":"data","data":{"a":1},"metadata":{"data_part_compat":true}}]}}`, `{"message":{"parts":[{"data":{"a":1},"metadata":{"data_part_compat":true}}]}}`, JSONRPC, JSONRPC, &a2apb.SendMessageRequest{}},
		{"base64 without padding, of the other alphabet", `{"message":{"kind":"message","parts":[{"kind":"file","file":{"bytes":"-_8"}}]}}`, `{"message":{"parts":[{"raw":"+/8="}]}}`, JSONRPC, JSONRPC, &a2apb.SendMessageRequest{}},
		{"any config of a task", `{"id":"t-1"}`, `{"taskId":"t-1"}`, JSONRPC, JSONRPC, &a2apb.GetTaskPushNotificationConfigRequest{}},
		{"a config in REST has the id of either place", `{"configId":"p-1","config":{"pushNotificationConfig":{"url":"u"}}}`, `{"id":"p-1","url":"u"}`, REST, REST, &a2apb.TaskPushNotificationConfig{}},
		{"cancel with metadata", `{"id":"t-1","metadata":{"why":"late"}}`, `{"id":"t-1","metadata":{"why":"late"}}`, JSONRPC, JSONRPC, &a2apb.CancelTaskRequest{}},
		{"a card, of which nothing is asked", `{"future":1}`, `{}`, JSONRPC, JSONRPC, &a2apb.GetExtendedAgentCardRequest{}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			want := proto.Clone(test.req)
			if err := protojson.Unmarshal([]byte(test.want), want); err != nil {
				t.Fatal(err)
			}
			d, err := Decode([]byte(test.in), test.req, test.binding)
			if err != nil || d != test.answerIn || !proto.Equal(test.req, want) {
				t.Errorf("got %v for %v, %v, want %v for %v", test.req, dialects[d], err, want, dialects[test.answerIn])
			}
		})
	}
}

func TestNoParamsAreAnEmptyObject(t *testing.T) {
	t.Parallel()
	req := &a2apb.GetTaskRequest{Id: "from before"}
	if d, err := Decode(nil, req, JSONRPC); err != nil || d != JSONRPC || req.Id != "" {
		t.Errorf("got %v, %v, %v", req, d, err)
	}
}

func TestWhatIsNoRequestIsNoFaultOfTheCaller(t *testing.T) {
	t.Parallel()
	_, err := Decode(nil, &durationpb.Duration{}, JSONRPC)
	var f *FieldError
	if err == nil || errors.As(err, &f) {
		t.Errorf("got %v", err)
	}
}
