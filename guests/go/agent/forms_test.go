package agent

import (
	"encoding/json"
	"os"
	"reflect"
	"testing"

	"github.com/carrelhq/carrel/guests/go/internal/codec"
)

// generated has a zero value of every generated type, by its name.
var generated = map[string]any{
	"logRequest": &logRequest{}, "taskGetReply": &taskGetReply{}, "taskStatusRequest": &taskStatusRequest{},
	"taskArtifactRequest": &taskArtifactRequest{}, "contextLoadReply": &contextLoadReply{},
	"contextSaveRequest": &contextSaveRequest{}, "contextSaveReply": &contextSaveReply{},
	"contextHistoryRequest": &contextHistoryRequest{}, "contextHistoryReply": &contextHistoryReply{},
	"runRequest": &runRequest{}, "Limits": &Limits{}, "runReply": &runReply{}, "Error": &Error{},
	"Description": &Description{}, "Skill": &Skill{}, "Extension": &Extension{},
	"blobReadRequest": &blobReadRequest{}, "blobReadReply": &blobReadReply{}, "snapshot": &snapshot{}, "taskStatus": &taskStatus{}, "Message": &Message{}, "Part": &Part{}, "Artifact": &Artifact{},
}

// forms reads what carrel makes of every type: the generator has filled package
// abi's structs and the protocol's messages, and written them with encoding/json
// and protojson.
func forms(t *testing.T) map[string][]json.RawMessage {
	t.Helper()
	text, err := os.ReadFile("testdata/forms.json")
	if err != nil {
		t.Fatal(err)
	}
	var forms map[string][]json.RawMessage
	if err := json.Unmarshal(text, &forms); err != nil {
		t.Fatal(err)
	}
	if len(forms) != len(generated) {
		t.Errorf("there are forms of %d types, and %d types in this test", len(forms), len(generated))
	}
	return forms
}

// through reads a form into v and writes v again. In a direction in which guests
// need no codec encoding/json takes its place.
func through(form []byte, v any) ([]byte, error) {
	if d, ok := v.(interface{ decode(*codec.Reader) }); ok {
		r := codec.NewReader(form)
		d.decode(r)
		if err := r.End(); err != nil {
			return nil, err
		}
	} else if err := json.Unmarshal(form, v); err != nil {
		return nil, err
	}
	if e, ok := v.(interface{ encode(*codec.Writer) }); ok {
		var w codec.Writer
		e.encode(&w)
		return w.Bytes(), w.Err()
	}
	return json.Marshal(v)
}

func TestGeneratedCodecsReadAndWriteWhatCarrelDoes(t *testing.T) {
	t.Parallel()
	for name, list := range forms(t) {
		for _, form := range list {
			v := reflect.New(reflect.TypeOf(generated[name]).Elem()).Interface()
			got, err := through(form, v)
			if err != nil {
				t.Errorf("%s: %v", name, err)
			} else if !sameJSON(t, got, form) {
				t.Errorf("%s: got\n%s\nwant\n%s", name, got, form)
			}
		}
	}
}

func sameJSON(t *testing.T, a, b []byte) bool {
	t.Helper()
	var x, y any
	if err := json.Unmarshal(a, &x); err != nil {
		t.Fatalf("%v: %s", err, a)
	}
	if err := json.Unmarshal(b, &y); err != nil {
		t.Fatalf("%v: %s", err, b)
	}
	return reflect.DeepEqual(x, y)
}

func TestFieldsThatAreNotKnownOrNullAreSkipped(t *testing.T) {
	t.Parallel()
	var got runRequest
	r := codec.NewReader([]byte(`{"new":{"a":[1,{"b":null}]},"taskId":null,"message":null,"pending":null,"limits":{"new":1,"runSeconds":2},"run":3}`))
	got.decode(r)
	if err := r.End(); err != nil {
		t.Fatal(err)
	}
	if want := (runRequest{Run: 3, Limits: Limits{RunSeconds: 2}}); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestAPartAlwaysHasContent(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		part Part
		want string
	}{
		{Part{}, `{"text":""}`},
		{Part{Filename: "a.txt"}, `{"text":"","filename":"a.txt"}`},
		{Part{Raw: []byte{}}, `{"raw":""}`},
		{Part{Data: json.RawMessage("null")}, `{"data":null}`},
		{Part{URL: "https://example.com"}, `{"url":"https://example.com"}`},
	} {
		if got, err := json.Marshal(c.part); err != nil || string(got) != c.want {
			t.Errorf("got %s, %v, want %s", got, err, c.want)
		}
	}
}

func TestMessagesAreKeptAsEncodingJSONKeepsThem(t *testing.T) {
	t.Parallel()
	want := []Message{{Role: "ROLE_AGENT", Parts: []Part{Text("a\n"), {Data: json.RawMessage(`{"b":[1]}`)}}, Metadata: map[string]any{"c": 1.5}}, {}}
	data, err := encodeValue(want)
	if err != nil {
		t.Fatal(err)
	}
	var ours, theirs []Message
	if err := decodeValue(data, &ours); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &theirs); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(ours, want) || !reflect.DeepEqual(theirs, want) {
		t.Errorf("got %+v and %+v, want %+v", ours, theirs, want)
	}
}

func TestAReplyThatCannotBeWrittenFailsTheTask(t *testing.T) {
	t.Parallel()
	text := encodeReply(runReply{Artifacts: []Artifact{{Metadata: map[string]any{"a": make(chan int)}}}})
	var got runReply
	if err := json.Unmarshal(text, &got); err != nil || got.Error == nil || got.Error.Code != "internal" || got.Artifacts != nil {
		t.Errorf("got %s, %v", text, err)
	}
}

func TestMalformedRepliesAreErrors(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ frame, want string }{
		{`{"ok":{}}`, ""},
		{`{"ok":{},"error":null,"more":1}`, ""},
		{`{"error":{"code":"conflict","message":"again"}}`, "conflict: again"},
		{``, "agent: the host's reply is malformed: codec: malformed JSON"},
		{`{"ok":{}`, "agent: the host's reply is malformed: codec: malformed JSON"},
		{`{"ok":{}}}`, "agent: the host's reply is malformed: codec: malformed JSON"},
	} {
		got := ""
		if err := unframe([]byte(c.frame), (*codec.Reader).Skip); err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%q: got %q, want %q", c.frame, got, c.want)
		}
	}
}

func TestWarmingReadsARequestThatIsWhole(t *testing.T) {
	t.Parallel()
	var request runRequest
	r := codec.NewReader([]byte(sample))
	request.decode(r)
	if err := r.End(); err != nil || request.Message.Text() == "" || request.Limits.RunSeconds == 0 {
		t.Errorf("got %+v, %v", request, err)
	}
	warm()
}
