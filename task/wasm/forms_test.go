package wasm

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/carrelhq/carrel/abi"
	"github.com/carrelhq/carrel/internal/faults"
	"github.com/carrelhq/carrel/task"
)

func saying(text string) *a2apb.Message {
	return &a2apb.Message{MessageId: "m", Role: a2apb.Role_ROLE_USER, Parts: []*a2apb.Part{{Content: &a2apb.Part_Text{Text: text}}}}
}

// TestARequestIsAsTheABIHasIt decodes it into the type of the ABI and encodes that.
func TestARequestIsAsTheABIHasIt(t *testing.T) {
	t.Parallel()
	data := saying("with data")
	data.Metadata = &structpb.Struct{Fields: map[string]*structpb.Value{"k": structpb.NewNumberValue(1)}}
	for name, run := range map[string]*task.Run{
		"small": {TaskID: "t", ContextID: "c", Number: 1, Ref: task.Ref{Tenant: "x", Agent: "y"}, Message: saying("hi \"\n")},
		"whole": {
			TaskID: "t", ContextID: "c", Number: 12, Ref: task.Ref{Tenant: "x", Agent: "y"}, Message: data,
			Pending: []*a2apb.Message{saying("a"), data}, AcceptedOutputModes: []string{"text/plain", "a\"b"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			limits := Options{RunTimeout: 1500 * time.Millisecond, MemoryBytes: 64 << 20}.limits()
			text, err := appendRequest(nil, run, limits)
			if err != nil {
				t.Fatal(err)
			}
			var got abi.RunRequest
			d := json.NewDecoder(bytes.NewReader(text))
			d.DisallowUnknownFields()
			if err := d.Decode(&got); err != nil {
				t.Fatal(err)
			}
			if again, err := json.Marshal(got); err != nil || !bytes.Equal(compact(t, text), compact(t, again)) {
				t.Errorf("got\n%s, of which the ABI makes\n%s, %v", text, again, err)
			}
			if got.Run != run.Number || got.Tenant != "x" || got.Agent != "y" || got.TaskID != "t" || got.ContextID != "c" ||
				got.Limits != (abi.Limits{RunSeconds: 2, MemoryBytes: 64 << 20}) || len(got.Pending) != len(run.Pending) {
				t.Errorf("got %+v", got)
			}
			said := &a2apb.Message{}
			if err := protojson.Unmarshal(got.Message, said); err != nil || !proto.Equal(said, run.Message) {
				t.Errorf("got %v, %v", said, err)
			}
		})
	}
}

func compact(t *testing.T, text []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := json.Compact(&out, text); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

var replies = []struct {
	text string
	read bool // without reflection
}{
	{`{"state":"completed","artifacts":[{"artifactId":"a","parts":[{"text":"x"}]},{}]}`, true},
	{`{"state":"input_required","message":{"messageId":"m","role":"ROLE_AGENT","parts":[{"text":"x"}]}}`, true},
	{`{}`, true},
	{`{"state":""}`, true},
	{`{"state":"odd"}`, false},
	{`{"STATE":"completed"}`, false},
	{`{"state":"failed","state":"completed"}`, false},
	{`{"error":{"code":"internal","message":"x"}}`, false},
	{`{"error":null}`, false},
	{`{"artifacts":[{"parts":[{"raw":"eA=="}]}]}`, false},
	{`{"artifacts":null}`, false},
	{`{"message":{"role":7}}`, false},
	{`{"message":null}`, false},
	{`[]`, false},
	{``, false},
}

func TestPlainRepliesAreReadAsOthersAre(t *testing.T) {
	t.Parallel()
	for _, tt := range replies {
		if got := sameRead(t, []byte(tt.text)); got != tt.read {
			t.Errorf("%s: read %t", tt.text, got)
		}
	}
}

// sameRead compares the two ways to read a reply.
func sameRead(t *testing.T, text []byte) bool {
	t.Helper()
	got, ok := plain(text)
	if !ok {
		return false
	}
	want := decode(text)
	same := got.State == want.State && len(got.Artifacts) == len(want.Artifacts) && (got.Message == nil) == (want.Message == nil) && proto.Equal(got.Message, want.Message)
	for i := range got.Artifacts {
		same = same && proto.Equal(got.Artifacts[i], want.Artifacts[i])
	}
	if !same {
		t.Errorf("%s: got %v, want %v", text, got, want)
	}
	return true
}

func FuzzPlainReply(f *testing.F) {
	for _, tt := range replies {
		f.Add([]byte(tt.text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		sameRead(t, text)
		result(text)
	})
}

func TestSeededFaultsAreNoticed(t *testing.T) {
	t.Parallel()
	faults.Noticed(t, []faults.Fault{
		{"an unknown state is taken", "reply.go", "r.End() && known", "r.End() && (known || true)", "TestPlainRepliesAreReadAsOthersAre"},
		{"pending messages are lost", "request.go", "	if len(items) == 0 {", "	if len(items) != 1 {", "TestARequestIsAsTheABIHasIt"},
		{"seconds are cut", "request.go", "math.Ceil(", "math.Floor(", "TestARequestIsAsTheABIHasIt"},
	})
}
