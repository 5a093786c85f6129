package agent_test

import (
	"bytes"
	"encoding/json"
	"io"
	"testing"

	"github.com/carrelhq/carrel/guests/go/agent"
)

// keeper is a host that keeps one file, and gives no more than 1,000 bytes of it at a time.
func keeper(t *testing.T, content []byte) func(string, []byte) []byte {
	return func(name string, request []byte) []byte {
		var req struct {
			URL    string
			Offset int
		}
		if err := json.Unmarshal(request, &req); err != nil || name != "blob_read" {
			t.Errorf("%s(%s): %v", name, request, err)
		}
		if req.URL != "carrel-blob:x" {
			return []byte(`{"error":{"code":"not_found","message":"no such part"}}`)
		}
		rest := content[min(req.Offset, len(content)):]
		reply, err := json.Marshal(map[string]any{"ok": map[string]any{"data": rest[:min(1000, len(rest))], "size": len(content)}})
		if err != nil {
			t.Error(err)
		}
		return reply
	}
}

func TestPartsAreReadWhereverTheirBytesAre(t *testing.T) {
	content := bytes.Repeat([]byte("0123456789"), 1234)
	agent.Host = keeper(t, content)
	defer func() { agent.Host = nil }()
	for name, c := range map[string]struct {
		part agent.Part
		want []byte
		fail string
	}{
		"text":            {agent.Text("hi"), []byte("hi"), ""},
		"raw":             {agent.Part{Raw: []byte("raw")}, []byte("raw"), ""},
		"kept by a host":  {agent.Part{URL: "carrel-blob:x"}, content, ""},
		"kept by no host": {agent.Part{URL: "carrel-blob:y"}, nil, "not_found: no such part"},
		"elsewhere":       {agent.Part{URL: "https://example.com"}, nil, "agent: the part is at https://example.com, not here"},
		"data":            {agent.Part{Data: json.RawMessage("{}")}, nil, "agent: the part is data"},
	} {
		got, err := io.ReadAll(c.part.Open())
		if !bytes.Equal(got, c.want) || err == nil && c.fail != "" || err != nil && err.Error() != c.fail {
			t.Errorf("%s: got %d bytes, %v", name, len(got), err)
		}
	}
}
