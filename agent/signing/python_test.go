package signing_test

import (
	"bytes"
	"errors"
	"os"
	"testing"

	"github.com/carrelhq/carrel/agent/signing"
)

// TestACardSignedByTheOfficialPythonSDKIsVerified has a card with much that is
// empty, required or not, signed by a2a-sdk 1.3.0, which leaves all of it out.
func TestACardSignedByTheOfficialPythonSDKIsVerified(t *testing.T) {
	t.Parallel()
	card, err := os.ReadFile("testdata/python-card.json")
	if err != nil {
		t.Fatal(err)
	}
	set, err := os.ReadFile("testdata/python-jwks.json")
	if err != nil {
		t.Fatal(err)
	}
	got, err := signing.Verify(card, set)
	if err != nil || got.Signature != (signing.Signature{KeyID: "python", Algorithm: "ES256"}) {
		t.Errorf("got %+v, %v", got.Signature, err)
	}
	if _, err := signing.Verify(bytes.Replace(card, []byte("a.example"), []byte("b.example"), 1), set); !errors.Is(err, signing.ErrUnverified) {
		t.Errorf("changed: got %v", err)
	}
}
