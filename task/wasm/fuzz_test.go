package wasm

import (
	"errors"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/carrelhq/carrel/abi"
	"github.com/carrelhq/carrel/task"
)

// FuzzReply: what a guest answers is a result that is known, and what it says is
// A2A, or the task has failed with a reason.
func FuzzReply(f *testing.F) {
	for _, text := range []string{
		`{"state":"completed","message":{"role":"ROLE_AGENT","parts":[{"text":"hi"}]},"artifacts":[{"artifactId":"a","parts":[{"data":{"x":1}}]}]}`,
		`{"error":{"code":"invalid","message":"no"}}`, `{"error":{}}`, `{"state":"input_required"}`, `{"state":"?"}`, `{"state":"completed","artifacts":[null,{}]}`,
		`{"state":"completed","message":null}`, `null`, ``, "{\"state\":\"completed\",\"message\":{\"parts\":[{\"text\":\"\xff\"}]}}",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, reply []byte) {
		r := result(reply)
		known := false
		for _, state := range states {
			known = known || state == r.State
		}
		if !known && r.State != failure("").State {
			t.Errorf("%q is of the state %s", reply, r.State)
		}
		if r.Message != nil {
			checkSayable(t, r.Message)
		}
		for _, a := range r.Artifacts {
			checkSayable(t, a)
		}
	})
}

// checkSayable holds that a message can be stored and sent.
func checkSayable(t *testing.T, m proto.Message) {
	t.Helper()
	if _, err := proto.Marshal(m); err != nil {
		t.Errorf("%v cannot be stored: %v", m, err)
	}
	text, err := protojson.Marshal(m)
	if err == nil {
		err = lenient.Unmarshal(text, proto.Clone(m))
	}
	if err != nil {
		t.Errorf("%v cannot be sent: %v", m, err)
	}
}

// FuzzRequest: the objects in a guest's requests are A2A, or refused as the guest's
// fault.
func FuzzRequest(f *testing.F) {
	f.Add([]byte(`{"role":"ROLE_AGENT","parts":[{"text":"hi"},{"raw":"AA=="},{"url":"u"},{"data":null}]}`))
	f.Add([]byte(`{"artifactId":"a","parts":[{"text":"hi"}],"metadata":{"k":[1,{}]}}`))
	f.Add([]byte(`{"parts":[null]}`))
	f.Add([]byte(`{"parts":[{"data":[1,2,3,4,5,6,7,8,9,0,1,2,3,4,5,6,7,8,9,0,1,2,3,4,5,6,7,8,9,0]}]}`))
	f.Add([]byte(``))
	f.Add([]byte(`{"parts":[{"text":"` + strings.Repeat(`\u0001`, task.MaxChunk/2) + `"}]}`)) // its JSON alone is too large
	f.Fuzz(func(t *testing.T, text []byte) {
		if m, size, err := readMessage(abi.TaskStatusRequest{Message: text}); err == nil {
			checkSize(t, m, size)
			checkSayable(t, m)
			checkRefused(t, task.CheckStatus(m))
		} else {
			checkRefused(t, refusal(err))
		}
		if chunk, size, err := readChunk(abi.TaskArtifactRequest{Artifact: text}); err == nil {
			checkSize(t, chunk.Artifact, size)
			checkSayable(t, chunk.Artifact)
			exact := task.CheckArtifact(chunk.Artifact, proto.Size(chunk.Artifact))
			checkRefused(t, exact)
			if err := task.CheckArtifact(chunk.Artifact, size); (err == nil) != (exact == nil) {
				t.Errorf("with a bound of its size: %v, and without: %v", err, exact)
			}
		}
	})
}

// checkSize holds that an update has room for what it is said to take.
func checkSize(t *testing.T, m proto.Message, size int) {
	t.Helper()
	if takes := proto.Size(m); size < takes {
		t.Errorf("%v is said to take %d bytes, and takes %d", m, size, takes)
	}
}

// checkRefused holds that an error has something to say.
func checkRefused(t *testing.T, err error) {
	t.Helper()
	var refused *abi.Error
	if err != nil && (err.Error() == "" || errors.As(err, &refused) && refused.Code != abi.Invalid) {
		t.Errorf("got %v", err)
	}
}
