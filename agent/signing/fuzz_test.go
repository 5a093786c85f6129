package signing

import (
	"bytes"
	"encoding/json"
	"testing"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/carrelhq/carrel/storage"
	"github.com/carrelhq/carrel/storage/storagetest"
)

// unsealed are secrets that are not encrypted, so that what is sealed can be made up.
type unsealed struct{}

func (unsealed) Seal(plain, _ []byte) []byte           { return plain }
func (unsealed) Open(sealed, _ []byte) ([]byte, error) { return sealed, nil }

// FuzzKeyRecord: the record of the keys makes a ring that signs what it verifies,
// or none.
func FuzzKeyRecord(f *testing.F) {
	keys := &Keys{root: storagetest.Memory(), secrets: unsealed{}}
	if _, err := keys.Rotate(f.Context()); err != nil {
		f.Fatal(err)
	}
	err := keys.root.View(f.Context(), func(tx storage.Tx) error {
		value, err := tx.Get(recordKey)
		f.Add(value)
		f.Add(bytes.Replace(value, []byte(`"P-256"`), []byte(`"P-384"`), 1))
		return err
	})
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(`{"keys":[{"public":{"kty":"oct","k":"AA","kid":"x"},"sealed":"AA=="}]}`))
	f.Add([]byte(`{"keys":[{}]}`))
	f.Fuzz(func(t *testing.T, value []byte) {
		ring, err := keys.open(value)
		if err != nil {
			return
		}
		card := &a2apb.AgentCard{Name: "n"}
		if err := ring.Sign(card, "https://a.example/jwks.json"); err != nil {
			return
		}
		text, err := Encode(card)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range card.Signatures {
			if s.GetProtected() == "" || s.GetSignature() == "" {
				t.Errorf("a signature says %v", s)
			}
		}
		if _, err := Verify(text, ring.JWKS()); err == nil && len(card.Signatures) == 0 {
			t.Errorf("%s is verified", text)
		}
	})
}

// FuzzEncode: a card is written as JSON that is read as the same card, and in one way.
func FuzzEncode(f *testing.F) {
	f.Add([]byte(`{"name":"n","skills":[{"id":"a","tags":[]}],"capabilities":{"extensions":[{"uri":"u","params":{"a":[1e300,-0,null,"\u2028"]}}]},"securitySchemes":{"b":{"httpAuthSecurityScheme":{"scheme":"Bearer"}}},"signatures":[{"protected":"e30","signature":"AA","header":{"x":1}}]}`))
	f.Add([]byte(`{"provider":{},"supportedInterfaces":[{}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		card, err := decode(text)
		if err != nil {
			return
		}
		written, err := Encode(card)
		if err != nil {
			return // a number that JSON has no canonical form of
		}
		again := &a2apb.AgentCard{}
		if err := protojson.Unmarshal(written, again); err != nil || !json.Valid(written) {
			t.Fatalf("%s cannot be read: %v", written, err)
		}
		if twice, err := Encode(again); err != nil || !bytes.Equal(twice, written) {
			t.Errorf("%s is written again as %s, %v", written, twice, err)
		}
		same, err := payload(proto.Clone(card).(*a2apb.AgentCard))
		if signed, errAgain := payload(again); err != nil || errAgain != nil || !bytes.Equal(same, signed) {
			t.Errorf("%s signs %s and then %s", text, same, signed)
		}
	})
}
