package server

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"

	"github.com/carrelhq/carrel/abi"
	"github.com/carrelhq/carrel/agent"
	"github.com/carrelhq/carrel/agent/signing"
	"github.com/carrelhq/carrel/storage"
	"github.com/carrelhq/carrel/task"
)

// signs has the server sign its cards.
func signs(t testing.TB) setting {
	return func(p *parts, o *Options) { o.CardKeys = cardKeys(t, p.agents.(*testAgents).root) }
}

func cardKeys(t testing.TB, db storage.DB) *signing.Keys {
	t.Helper()
	keys := signing.NewKeys(db, unsealed{})
	if _, _, err := keys.Ensure(t.Context()); err != nil {
		t.Fatal(err)
	}
	return keys
}

const openCard = "/agents/acme/open/.well-known/agent-card.json"

func (h *house) verify(card, set reply) error {
	h.t.Helper()
	_, err := signing.Verify([]byte(card.body), []byte(set.body))
	return err
}

func TestAServedCardIsVerifiedByTheServedKeys(t *testing.T) {
	t.Parallel()
	h := newHouse(t, working(t, newScripted()), signs(t))
	card, set := h.do("GET", openCard, "", "A2A-Version", "1.0"), h.do("GET", keysPath, "")
	if err := h.verify(card, set); err != nil {
		t.Errorf("%v: %s by %s", err, card.body, set.body)
	}
	card.body = strings.Replace(card.body, "/agents/acme/open", "/agents/evil/open", 1)
	if err := h.verify(card, set); err == nil {
		t.Error("a card that was changed is verified")
	}
}

// TestACardHasNothingEmpty is for verifiers that leave out what is empty, also
// what is required: for them a card with nothing empty is the same.
func TestACardHasNothingEmpty(t *testing.T) {
	t.Parallel()
	h := newHouse(t, working(t, newScripted()))
	h.declare("odd", abi.Description{
		InputModes: []string{""}, Extensions: []abi.Extension{{}, {URI: "https://example.com/x"}},
		Skills: []abi.Skill{{ID: "s", Tags: []string{""}, Examples: []string{""}, OutputModes: []string{"", "text/html"}}},
	})
	r := h.do("GET", "/agents/acme/odd/.well-known/agent-card.json", "", "A2A-Version", "1.0")
	for _, empty := range []string{`""`, `[]`, `{}`, `null`} {
		if strings.Contains(r.body, empty) {
			t.Errorf("%s in %s", empty, r.body)
		}
	}
}

func TestAServerSignsNoAddressThatAStrangerMadeUp(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, public, headers string
		signed                bool
	}{
		{"a public address", "https://agents.example.com", "Host: evil.example\n", true},
		{"this machine", "", "Host: localhost:7333\n", true},
		{"any host", "", "Host: evil.example\n", false},
		{"a host that begins like this machine", "", "Host: localhost.evil.example\n", false},
		{"a host that a proxy tells", "", "Host: localhost\nX-Forwarded-Host: evil.example\n", false},
	} {
		h := newHouse(t, working(t, newScripted()), signs(t), func(_ *parts, o *Options) {
			o.PublicURL, o.TrustedProxies = test.public, []string{"127.0.0.1"}
		})
		_, r := h.dial("GET " + openCard + " HTTP/1.1\nA2A-Version: 1.0\n" + test.headers + "\n")
		got := h.answer(r)
		if signed := strings.Contains(got.body, `"signatures"`); signed != test.signed || got.StatusCode != 200 {
			t.Errorf("%s: got %d, signed %v, want %v", test.name, got.StatusCode, signed, test.signed)
		}
	}
}

func TestARotationIsSeenByThoseWhoKeepCards(t *testing.T) {
	t.Parallel()
	h := newHouse(t, working(t, newScripted()), signs(t))
	card, set := h.do("GET", openCard, "", "A2A-Version", "1.0"), h.do("GET", keysPath, "")
	for path, kept := range map[string]reply{openCard: card, keysPath: set} {
		tag, since := kept.Header.Get("ETag"), kept.Header.Get("Last-Modified")
		if r := h.do("GET", path, "", "A2A-Version", "1.0", "If-None-Match", tag); r.StatusCode != http.StatusNotModified || r.body != "" {
			t.Errorf("%s: got %d %s", path, r.StatusCode, r.body)
		}
		if r := h.do("GET", path, "", "A2A-Version", "1.0", "If-Modified-Since", since); r.StatusCode != http.StatusNotModified {
			t.Errorf("%s since %s: got %d", path, since, r.StatusCode)
		}
	}
	if r := h.do("POST", "/api/v1/card-keys", "", "token", "operator"); r.StatusCode != http.StatusCreated {
		t.Fatalf("got %d %s", r.StatusCode, r.body)
	}
	newer, both := h.do("GET", openCard, "", "A2A-Version", "1.0", "If-None-Match", card.Header.Get("ETag")), h.do("GET", keysPath, "", "If-None-Match", set.Header.Get("ETag"))
	if newer.StatusCode != http.StatusOK || both.StatusCode != http.StatusOK {
		t.Fatalf("got %d and %d", newer.StatusCode, both.StatusCode)
	}
	for name, err := range map[string]error{"old keys": h.verify(newer, set), "new keys": h.verify(newer, both), "the old card": h.verify(card, both)} {
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	var keys page[signing.CardKey]
	h.do("GET", "/api/v1/card-keys", "", "token", "operator").decode(t, &keys)
	if r := h.do("DELETE", "/api/v1/card-keys/"+keys.Items[0].ID, "", "token", "operator"); r.StatusCode != http.StatusConflict {
		t.Errorf("the newest: got %d %s", r.StatusCode, r.body)
	}
	if r := h.do("DELETE", "/api/v1/card-keys/"+keys.Items[1].ID, "", "token", "operator"); r.StatusCode != http.StatusNoContent {
		t.Errorf("got %d %s", r.StatusCode, r.body)
	}
	if err := h.verify(h.do("GET", openCard, "", "A2A-Version", "1.0"), set); err == nil {
		t.Error("a retired key signs")
	}
}

func TestACardIsTheSameOnEveryNode(t *testing.T) {
	t.Parallel()
	one := newHouse(t, working(t, newScripted()), signs(t))
	public := func(_ *parts, o *Options) { o.PublicURL = one.url; o.CardKeys = cardKeys(t, one.db) }
	two := newHouse(t, working(t, newScripted()), public)
	two.server.parts.agents = one.server.parts.agents
	if a, b := one.do("GET", openCard, "", "A2A-Version", "1.0"), two.do("GET", openCard, "", "A2A-Version", "1.0"); a.body != b.body || a.Header.Get("ETag") != b.Header.Get("ETag") {
		t.Errorf("got %s\nand %s", a.body, b.body)
	}
}

func TestCardsAreKeptUpToABound(t *testing.T) {
	t.Parallel()
	var c cards
	builds := 0
	get := func(i int) {
		t.Helper()
		got, err := c.get(cardKey{updated: int64(i)}, func() (servedCard, error) {
			builds++
			return servedCard{body: make([]byte, cardBytes/4), tag: fmt.Sprint(i)}, nil
		})
		if err != nil || got.tag != fmt.Sprint(i) {
			t.Errorf("got %+v, %v", got.tag, err)
		}
	}
	for i := range 20 {
		get(i)
		get(i)
	}
	if builds != 20 || len(c.known) > 4 || c.bytes > cardBytes {
		t.Errorf("built %d, %d kept of %d bytes", builds, len(c.known), c.bytes)
	}
}

// TestCardsAreWholeWhileEverythingChanges reads cards while keys are rotated and
// the card is overridden: each must be verified by the keys of some moment.
func TestCardsAreWholeWhileEverythingChanges(t *testing.T) {
	t.Parallel()
	h := newHouse(t, working(t, newScripted()), signs(t))
	set := h.do("GET", keysPath, "") // the first key is never retired
	var all sync.WaitGroup
	for range 2 {
		all.Go(func() {
			for range 20 {
				if err := h.verify(h.do("GET", openCard, "", "A2A-Version", "1.0"), set); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for i := range 3 {
		h.do("POST", "/api/v1/card-keys", "", "token", "operator")
		h.do("PUT", "/api/v1/tenants/acme/agents/open/card", fmt.Sprintf(`{"name":"n%d"}`, i), "Content-Type", typeJSON, "token", "acme")
	}
	all.Wait()
}

func TestTheExtendedCardIsTheSameOverEveryBinding(t *testing.T) {
	t.Parallel()
	w := newScripted()
	b := &bench{newGRPCHouse(t, workingWith(t, w, task.Options{Push: pushing}), func(_ *parts, o *Options) {
		o.PublicURL, o.GRPCPublicURL = "https://agents.example.com", "grpc.example.com:443"
	}), w}
	b.override("carded", agent.Overrides{Extended: &agent.CardFields{Skills: []abi.Skill{{ID: "more", Name: "More"}}}})
	b.override("open", agent.Overrides{Extended: &agent.CardFields{}})
	extended := func(agentName, who string) func(*bench) asked {
		return func(*bench) asked {
			return asked{method: "GetExtendedAgentCard", req: &a2apb.GetExtendedAgentCardRequest{}, agent: agentName, who: who}
		}
	}
	b.compare("testdata/bindings-cards.txt", []row{
		{"with a key", extended("acme/carded", "acme")},
		{"with the operator's key", extended("acme/carded", "operator")},
		{"without a key", extended("acme/carded", "nobody")},
		{"with another tenant's key", extended("acme/carded", "beta")},
		{"promised, with a key", extended("acme/open", "acme")},
		{"promised, without a key", extended("acme/open", "nobody")},
		{"none", extended("acme/hidden", "acme")},
	})
}

func (h *house) override(name string, o agent.Overrides) {
	h.t.Helper()
	if _, err := h.agents.Override(h.t.Context(), "acme", name, o); err != nil {
		h.t.Fatal(err)
	}
}

func TestACatalogHasPages(t *testing.T) {
	t.Parallel()
	h := newHouse(t, working(t, newScripted()))
	const more = 2*catalogPage + 10
	for i := range more {
		h.declare(fmt.Sprintf("z%03d", i), abi.Description{})
	}
	for _, first := range []struct {
		path, who string
		want      int
	}{{catalogPath, "", more + 4}, {"/agents/acme" + catalogPath, "", more + 2}, {"/agents/acme" + catalogPath, "acme", more + 3}} {
		seen, pages := map[string]bool{}, 0
		for path := first.path; path != ""; pages++ {
			headers := []string{}
			if first.who != "" {
				headers = []string{"token", first.who}
			}
			r := h.do("GET", path, "", headers...)
			var set linkset
			if err := json.Unmarshal([]byte(r.body), &set); err != nil || r.StatusCode != 200 || len(set.Linkset) > catalogPage+1 {
				t.Fatalf("%s: got %d, %d contexts, %v", path, r.StatusCode, len(set.Linkset), err)
			}
			for _, item := range set.Linkset[0].Items {
				seen[item.Href] = true
			}
			path = ""
			if next := set.Linkset[0].Next; len(next) > 0 {
				path = strings.TrimPrefix(next[0].Href, h.url)
			}
		}
		if len(seen) != first.want || pages != 3 {
			t.Errorf("%s as %q: %d agents on %d pages, want %d on 3", first.path, first.who, len(seen), pages, first.want)
		}
		if private := seen[h.url+"/agents/acme/hidden"]; private != (first.who == "acme") {
			t.Errorf("%s as %q: the private agent is there: %v", first.path, first.who, private)
		}
	}
}

func TestAServerWithoutKeysSignsNothing(t *testing.T) {
	t.Parallel()
	h := newHouse(t, working(t, newScripted()))
	if r := h.do("GET", keysPath, ""); r.StatusCode != http.StatusNotFound {
		t.Errorf("keys: got %d", r.StatusCode)
	}
	if r := h.do("GET", openCard, "", "A2A-Version", "1.0"); bytes.Contains([]byte(r.body), []byte("signatures")) {
		t.Errorf("got %s", r.body)
	}
	if r := h.do("GET", "/api/v1/card-keys", "", "token", "operator"); r.StatusCode != http.StatusNotFound {
		t.Errorf("admin: got %d", r.StatusCode)
	}
}

func BenchmarkSignedCard(b *testing.B) {
	h := newHouse(b, working(b, newScripted()), signs(b))
	a, err := h.agents.Get(b.Context(), "acme", "open")
	if err != nil {
		b.Fatal(err)
	}
	d := door{base: "https://agents.example.com", own: true}
	ring, err := h.server.opts.CardKeys.Ring(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	b.Run("kept", func(b *testing.B) {
		for b.Loop() {
			if _, err := h.server.cardFor(context.Background(), a, d, publicCard); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("made", func(b *testing.B) {
		for b.Loop() {
			if _, err := h.server.buildCard(a, d, publicCard, ring); err != nil {
				b.Fatal(err)
			}
		}
	})
}
