package server

import (
	"strings"
	"testing"

	"github.com/carrelhq/carrel/abi"
)

// TestADirectReplyIn03IsAMessage in every dialect, as a reply and as an event.
func TestADirectReplyIn03IsAMessage(t *testing.T) {
	t.Parallel()
	h := newHouse(t, working(t, newScripted()), dev)
	h.declare("direct", abi.Description{Replies: abi.RepliesMessage})
	const (
		schema = `{"message":{"kind":"message","messageId":"m","role":"user","parts":[{"kind":"text","text":"reply hello"}]}}`
		bare   = `{"message":{"messageId":"m","role":"user","parts":[{"text":"reply hello"}]}}`
		rest   = `{"message":{"messageId":"m","role":"ROLE_USER","content":[{"text":"reply hello"}]}}`
	)
	for _, tt := range []struct{ name, path, body, want string }{
		{"reply", "", rpcBody("message/send", schema), `"result":{"kind":"message","messageId":"`},
		{"event", "", rpcBody("message/stream", schema), `"result":{"kind":"message","messageId":"`},
		{"reply to FastA2A", "", rpcBody("message/send", bare), `"result":{"message":{"messageId":"`},
		{"event for FastA2A", "", rpcBody("message/stream", bare), `"result":{"message":{"messageId":"`},
		{"reply over HTTP+JSON", "/v1/message:send", rest, `{"message":{"messageId":"`},
		{"event over HTTP+JSON", "/v1/message:stream", rest, `data: {"message":{"messageId":"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := h.do("POST", "/agents/acme/direct"+tt.path, tt.body, "Content-Type", "application/json")
			if r.StatusCode != 200 || !strings.Contains(r.body, tt.want) || !strings.Contains(r.body, `"text":"hello"`) {
				t.Errorf("got %d %s, want %s", r.StatusCode, r.body, tt.want)
			}
		})
	}
}
