package server

import (
	"net/http"
	"strings"
	"testing"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"github.com/carrelhq/carrel/abi"
	"github.com/carrelhq/carrel/agent"
)

// extended is an agent that knows two extensions and requires one of them.
var extended = abi.Description{Description: "Knows where.", Extensions: []abi.Extension{
	{URI: "https://example.com/geo/v1", Description: "Where things are.", Required: true},
	{URI: "https://example.com/cite/v1"},
}}

func TestExtensionsAreNegotiated(t *testing.T) {
	t.Parallel()
	by := caller{extensions: agent.Agent{Current: agent.Version{Description: extended}}.Extensions()}
	for _, test := range []struct{ name, named, active string }{
		{"both, in the order of the card", "https://example.com/cite/v1,https://example.com/geo/v1", "https://example.com/geo/v1, https://example.com/cite/v1"},
		{"one, twice, beside one that is not known", " https://example.com/geo/v1 ,x,, https://example.com/geo/v1", "https://example.com/geo/v1"},
		{"another version", "https://example.com/geo/v2", ""},
		{"case counts", "https://example.com/GEO/v1", ""},
		{"the beginning of one", "https://example.com/geo", ""},
		{"that of idempotency keys, which no agent describes", agent.OnceExtension + ", https://example.com/geo/v1", "https://example.com/geo/v1, " + agent.OnceExtension},
		{"none", "", ""},
	} {
		active, err := by.negotiate(test.named)
		if active != test.active || (err == nil) != (active != "") {
			t.Errorf("%s: got %q, %v", test.name, active, err)
		}
	}
	plain := caller{extensions: agent.Agent{}.Extensions()}
	if active, err := plain.negotiate("https://example.com/geo/v1"); active != "" || err != nil {
		t.Errorf("an agent without extensions: got %q, %v", active, err)
	}
	if active, err := plain.negotiate(agent.OnceExtension); active != agent.OnceExtension || err != nil {
		t.Errorf("an agent without extensions of its own: got %q, %v", active, err)
	}
}

func TestAnswersNameTheActiveExtensions(t *testing.T) {
	t.Parallel()
	g := newGRPCHouse(t, working(t, newScripted()))
	g.declare("extended", extended)
	const geo = "https://example.com/geo/v1"
	if card := g.do("GET", "/agents/acme/extended"+cardPath, "").body; !strings.Contains(card, `"extensions":[{"description":"Where things are.","required":true,"uri":"`+geo+`"},{"uri":`) {
		t.Errorf("the card has no extensions: %s", card)
	}
	for path, body := range map[string]string{
		"":              rpcBody("SendMessage", string(toJSON(t, say("echo hi").req))),
		"/message:send": string(toJSON(t, say("echo hi").req)), "/message:stream": string(toJSON(t, say("echo hi").req)),
	} {
		req, err := http.NewRequestWithContext(t.Context(), "POST", g.url+"/agents/acme/extended"+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header = http.Header{
			"Authorization": {"Bearer " + g.tokens["acme"]}, "A2a-Version": {"1.0"}, "Content-Type": {typeJSON},
			"A2a-Extensions": {"https://example.com/other/v1", geo}, // the lines of a header are one list
		}
		resp, err := g.client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if got := resp.Header.Get("A2A-Extensions"); resp.StatusCode != http.StatusOK || got != geo {
			t.Errorf("%q: got %d with extensions %q", path, resp.StatusCode, got)
		}
	}
	var header metadata.MD
	req := ask("echo hi")
	req.Tenant = "acme/extended"
	if _, err := g.a2a.SendMessage(g.as("acme", "a2a-version", "1.0", "a2a-extensions", geo), req, grpc.Header(&header)); err != nil || header.Get("a2a-extensions")[0] != geo {
		t.Errorf("gRPC: got %v, %v", header, err)
	}
	stream, err := g.a2a.SendStreamingMessage(g.as("acme", "a2a-version", "1.0", "a2a-extensions", geo), &a2apb.SendMessageRequest{Tenant: "acme/extended", Message: req.Message})
	if err == nil {
		header, err = stream.Header()
	}
	if err != nil || header.Get("a2a-extensions")[0] != geo {
		t.Errorf("gRPC stream: got %v, %v", header, err)
	}
}
