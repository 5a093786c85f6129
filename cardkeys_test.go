package carrel_test

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/carrelhq/carrel"
	"github.com/carrelhq/carrel/agent/signing"
)

// read fetches what lies at a path of the server.
func read(t *testing.T, s running, path string) []byte {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL()+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("A2A-Version", "1.0")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: got %d %s, %v", path, resp.StatusCode, body, err)
	}
	return body
}

func TestCardsAreSignedByTheSameKeyAfterARestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	const card, keys = "/agents/default/shout/.well-known/agent-card.json", "/.well-known/jwks.json"
	first := start(t, embedded(dir))
	text, set := read(t, first, card), read(t, first, keys)
	if _, err := signing.Verify(text, set); err != nil {
		t.Errorf("%v: %s", err, text)
	}
	first.stop()
	second := start(t, embedded(dir))
	old := read(t, second, card)
	if _, err := signing.Verify(old, set); err != nil {
		t.Errorf("after a restart: %v", err)
	}
	second.stop()
	if err := os.Remove(filepath.Join(dir, carrel.SecretKeyFile)); err != nil {
		t.Fatal(err)
	}
	third := start(t, embedded(dir))
	text, now := read(t, third, card), read(t, third, keys)
	if _, err := signing.Verify(text, set); err == nil {
		t.Error("without its secret the old key signs")
	}
	for name, signed := range map[string][]byte{"new": text, "old": old} {
		if _, err := signing.Verify(signed, now); err != nil {
			t.Errorf("the %s card without the secret: %v", name, err)
		}
	}
}
