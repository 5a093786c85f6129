package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/a2aproject/a2a-go/v2/a2a"

	"github.com/carrelhq/carrel/agent/signing"
)

// TestCards does what there is to do with cards, on one server with one agent.
func TestCards(t *testing.T) {
	t.Parallel()
	s := serve(t, t.TempDir())
	s.ok("push", buildAgent(t, t.TempDir(), "examples/counter"), "--agent", "a")
	t.Run("a card that is not verified", func(t *testing.T) { unverified(t, s.in(t)) })
	t.Run("a card that is overridden", func(t *testing.T) { overridden(t, s.in(t)) })
	t.Run("a card that is verified", func(t *testing.T) { verified(t, s.in(t)) })
}

func verified(t *testing.T, s *served) {
	home := "http://" + s.addr
	var keys []signing.CardKey
	s.decode(&keys, "keys", "cards", "list")
	for name, args := range map[string][]string{
		"a name":                       {"card", "a", "--verify"},
		"a name, keys named":           {"card", "a", "--verify", home + keysPath},
		"keys named first":             {"card", "--verify", home + keysPath, "a"},
		"keys named with =":            {"card", "a", "--verify=" + home + keysPath},
		"an address":                   {"card", home + "/agents/default/a", "--verify"},
		"an address, keys named":       {"card", home + "/agents/default/a" + cardPath, "--verify", home + keysPath},
		"an address with a slash more": {"card", home + "/agents/default/a/", "--verify"},
	} {
		if out := s.ok(args...); !strings.Contains(out, keys[0].ID) || !strings.Contains(out, "ES256") {
			t.Errorf("%s: got %s", name, out)
		}
	}
	var verified struct {
		Card      a2a.AgentCard
		Signature signing.Signature
		Keys      string
	}
	s.decode(&verified, "card", "a", "--verify")
	if verified.Signature.KeyID != keys[0].ID || verified.Keys != home+keysPath || verified.Card.Name == "" {
		t.Errorf("got %+v", verified)
	}
	var made signing.CardKey
	s.decode(&made, "keys", "cards", "rotate")
	s.ok("keys", "cards", "retire", keys[0].ID)
	s.decode(&verified, "card", "a", "--verify")
	if verified.Signature.KeyID != made.ID {
		t.Errorf("after the rotation: got %+v", verified)
	}
	if got := s.carrel("keys", "cards", "retire", made.ID); got.code != exitFailed || !strings.Contains(got.stderr, "make another first") {
		t.Errorf("the newest is retired: %+v", got)
	}
}

func unverified(t *testing.T, s *served) {
	home := "http://" + s.addr
	card := fetched(t, home+"/agents/default/a"+cardPath)
	mux := http.NewServeMux()
	mux.HandleFunc("/changed"+cardPath, func(w http.ResponseWriter, _ *http.Request) {
		w.Write([]byte(strings.Replace(card, `"name":"`, `"name":"not `, 1)))
	})
	mux.HandleFunc("/moved"+cardPath, func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte(card)) })
	mux.HandleFunc("/unsigned"+cardPath, func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte(`{"name":"x"}`)) })
	mux.HandleFunc("/none"+keysPath, func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte(`{"keys":[]}`)) })
	mux.HandleFunc("/huge"+keysPath, func(w http.ResponseWriter, _ *http.Request) { w.Write(make([]byte, 2<<20)) })
	other := httptest.NewServer(mux)
	t.Cleanup(other.Close)
	for name, test := range map[string]struct {
		args []string
		code int
		want string
	}{
		"it was changed":          {[]string{other.URL + "/changed", "--verify", home + keysPath}, exitFailed, "did not sign this card"},
		"its keys are elsewhere":  {[]string{other.URL + "/moved", "--verify"}, exitFailed, "another server"},
		"it is not signed":        {[]string{other.URL + "/unsigned", "--verify", home + keysPath}, exitFailed, "no signature"},
		"the keys are others":     {[]string{"a", "--verify", other.URL + "/none" + keysPath}, exitFailed, "not among those given"},
		"the keys are no keys":    {[]string{"a", "--verify", home + "/agents/default/a" + cardPath}, exitFailed, "not a JSON Web Key Set"},
		"the keys are huge":       {[]string{"a", "--verify", other.URL + "/huge" + keysPath}, exitFailed, "more than"},
		"there are no keys":       {[]string{"a", "--verify", other.URL + "/nothing"}, exitFailed, "404"},
		"there is no such agent":  {[]string{"b", "--verify"}, exitFailed, "Agent not found"},
		"the address is none":     {[]string{"a", "--verify=keys"}, exitUsage, "absolute"},
		"an argument is too much": {[]string{"a", "b", "--verify"}, exitUsage, "too much"},
	} {
		got := s.carrel(append([]string{"card"}, test.args...)...)
		if got.code != test.code || !strings.Contains(got.stderr, test.want) || got.stdout != "" {
			t.Errorf("%s: got %+v, want %q", name, got, test.want)
		}
	}
	if out := s.ok("card", other.URL+"/moved", "--verify", home+keysPath); !strings.Contains(out, "signed") {
		t.Errorf("a card that is served elsewhere, verified by keys that are trusted: %s", out)
	}
}

func fetched(t *testing.T, address string) string {
	t.Helper()
	c := client{}
	text, err := c.fetch(t.Context(), address, address)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func overridden(t *testing.T, s *served) {
	file := filepath.Join(t.TempDir(), "card.json")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(`{"name": "Support", "extended": {"description": "More."}}`)
	s.ok("agents", "card", "a", file)
	if out := s.ok("card", "a"); !strings.Contains(out, "Support") {
		t.Errorf("got %s", out)
	}
	write(`{}`)
	s.ok("agents", "card", "a", file)
	if out := s.ok("card", "a"); strings.Contains(out, "Support") {
		t.Errorf("taken back: got %s", out)
	}
	for text, want := range map[string]string{`{"iconUrl": "x"}`: "iconUrl must be", `{"nam": ""}`: "unexpected property", `{`: "is not JSON"} {
		write(text)
		if got := s.carrel("agents", "card", "a", file); got.code != exitFailed || !strings.Contains(got.stderr, want) {
			t.Errorf("%s: got %+v", text, got)
		}
	}
	if got := s.carrel("agents", "card", "a", file+".none"); got.code != exitFailed {
		t.Errorf("no file: got %+v", got)
	}
}
