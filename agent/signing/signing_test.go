package signing_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/carrelhq/carrel/agent/signing"
	"github.com/carrelhq/carrel/internal/seal"
	"github.com/carrelhq/carrel/storage"
	"github.com/carrelhq/carrel/storage/storagetest"
)

const keysURL = "https://agents.example.com/.well-known/jwks.json"

// register is a register of keys, sealed with a master key of the given bytes.
func register(t testing.TB, db storage.DB, fill byte) *signing.Keys {
	t.Helper()
	secrets, err := seal.New(bytes.Repeat([]byte{fill}, seal.KeySize), "cards")
	if err != nil {
		t.Fatal(err)
	}
	return signing.NewKeys(db, secrets)
}

// ring is what a register has once it has made its first key.
func ring(t testing.TB, keys *signing.Keys) *signing.Ring {
	t.Helper()
	if _, _, err := keys.Ensure(t.Context()); err != nil {
		t.Fatal(err)
	}
	r, err := keys.Ring(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func card() *a2apb.AgentCard {
	return &a2apb.AgentCard{
		Name: "Bot €", Description: "Does.", Version: "1",
		SupportedInterfaces: []*a2apb.AgentInterface{{Url: "https://agents.example.com/agents/acme/bot", ProtocolBinding: "JSONRPC", ProtocolVersion: "1.0"}},
		Capabilities:        &a2apb.AgentCapabilities{Streaming: proto.Bool(false)},
		DefaultInputModes:   []string{"text/plain"}, DefaultOutputModes: []string{"text/plain"},
		Skills: []*a2apb.AgentSkill{{Id: "s", Name: "S", Description: "d", Tags: []string{"t"}}},
	}
}

func signed(t testing.TB, r *signing.Ring) []byte {
	t.Helper()
	c := card()
	if err := r.Sign(c, keysURL); err != nil {
		t.Fatal(err)
	}
	encoded, err := signing.Encode(c)
	if err != nil {
		t.Fatal(err)
	}
	return encoded
}

func TestASignedCardIsVerified(t *testing.T) {
	t.Parallel()
	r := ring(t, register(t, storagetest.Memory(), 1))
	got, err := signing.Verify(signed(t, r), r.JWKS())
	want := signing.Signature{KeyID: r.Keys()[0].ID, Algorithm: "ES256", KeysURL: keysURL}
	if err != nil || got.Signature != want {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
	more := bytes.Replace(signed(t, r), []byte(`{"capabilities"`), []byte(`{"url":"https://evil.example","capabilities"`), 1)
	if again, err := signing.Verify(more, r.JWKS()); err != nil || !bytes.Equal(again.Card, got.Card) || bytes.Contains(again.Card, []byte("evil")) {
		t.Errorf("what is not signed: got %s, %v", again.Card, err)
	}
	list, err := signing.Signatures(signed(t, r))
	if err != nil || len(list) != 1 || list[0] != want {
		t.Errorf("got %+v, %v", list, err)
	}
	if !bytes.Equal(signed(t, r), signed(t, r)) {
		t.Error("the same card is signed in two ways")
	}
	if bytes.Contains(r.JWKS(), []byte(`"d"`)) {
		t.Errorf("the key set has private keys: %s", r.JWKS())
	}
}

func TestTheProtectedHeaderIsAsTheSpecificationHasIt(t *testing.T) {
	t.Parallel()
	r := ring(t, register(t, storagetest.Memory(), 1))
	c := card()
	if err := r.Sign(c, keysURL); err != nil {
		t.Fatal(err)
	}
	text, err := base64.RawURLEncoding.DecodeString(c.Signatures[0].Protected)
	if err != nil {
		t.Fatal(err)
	}
	var header map[string]string
	if err := json.Unmarshal(text, &header); err != nil {
		t.Fatal(err)
	}
	if header["alg"] != "ES256" || header["typ"] != "JOSE" || header["kid"] != r.Keys()[0].ID || header["jku"] != keysURL || len(header) != 4 {
		t.Errorf("got %s", text)
	}
}

func TestWhatAnyoneChangesInACardIsNoticed(t *testing.T) {
	t.Parallel()
	r := ring(t, register(t, storagetest.Memory(), 1))
	good := string(signed(t, r))
	other := ring(t, register(t, storagetest.Memory(), 1))
	for name, test := range map[string]struct {
		old, new string
		set      []byte
		want     error
	}{
		"as it was":                      {"", "", r.JWKS(), nil},
		"members in another order":       {`{"capabilities":{"streaming":false},`, `{"version":"1", "capabilities":{"streaming":false},`, r.JWKS(), nil},
		"another name":                   {`"name":"Bot €"`, `"name":"Bot"`, r.JWKS(), signing.ErrUnverified},
		"another address":                {"agents.example.com/agents", "evil.example.com/agents", r.JWKS(), signing.ErrUnverified},
		"a capability more":              {`"streaming":false`, `"streaming":false,"pushNotifications":false`, r.JWKS(), signing.ErrUnverified},
		"a capability less":              {`"streaming":false`, ``, r.JWKS(), signing.ErrUnverified},
		"an icon":                        {`"name":`, `"iconUrl":"https://x","name":`, r.JWKS(), signing.ErrUnverified},
		"an optional text that is empty": {`"name":`, `"iconUrl":"","name":`, r.JWKS(), nil}, // the bare form of it is the same
		"a list that is empty":           {`"name":`, `"securityRequirements":[],"name":`, r.JWKS(), nil},
		"no signature":                   {`"signatures":`, `"other":`, r.JWKS(), signing.ErrUnsigned},
		"a key of another server":        {"", "", other.JWKS(), signing.ErrUnverified},
		"no keys":                        {"", "", []byte(`{"keys":[]}`), signing.ErrUnverified},
	} {
		changed := strings.Replace(good, test.old, test.new, 1)
		if name == "members in another order" {
			changed = strings.Replace(changed, `,"version":"1"}`, "}", 1)
		}
		if test.old != "" && changed == good {
			t.Errorf("%s: nothing was changed in %s", name, good)
		}
		if _, err := signing.Verify([]byte(changed), test.set); !errors.Is(err, test.want) {
			t.Errorf("%s: got %v, want %v", name, err, test.want)
		}
	}
}

func TestSignaturesThatAreNotBelieved(t *testing.T) {
	t.Parallel()
	r := ring(t, register(t, storagetest.Memory(), 1))
	c := card()
	if err := r.Sign(c, keysURL); err != nil {
		t.Fatal(err)
	}
	kid, good := r.Keys()[0].ID, c.Signatures[0]
	header := func(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
	for name, s := range map[string]*a2apb.AgentCardSignature{
		"none":                   {Protected: header(`{"alg":"none","kid":"` + kid + `"}`)},
		"a secret key":           {Protected: header(`{"alg":"HS256","kid":"` + kid + `"}`), Signature: good.Signature},
		"no algorithm":           {Protected: header(`{"kid":"` + kid + `"}`), Signature: good.Signature},
		"another algorithm":      {Protected: header(`{"alg":"RS256","kid":"` + kid + `"}`), Signature: good.Signature},
		"no key":                 {Protected: header(`{"alg":"ES256"}`), Signature: good.Signature},
		"a key it brings itself": {Protected: header(`{"alg":"ES256","kid":"x","jwk":` + string(r.JWKS()[len(`{"keys":[`):len(r.JWKS())-2]) + `}`), Signature: good.Signature},
		"something critical":     {Protected: header(`{"alg":"ES256","kid":"` + kid + `","crit":["exp"],"exp":1}`), Signature: good.Signature},
		"not base64":             {Protected: "%%", Signature: good.Signature},
		"not JSON":               {Protected: header("x"), Signature: good.Signature},
		"a payload in it":        {Protected: good.Protected + ".e30", Signature: good.Signature},
		"cut short":              {Protected: good.Protected, Signature: good.Signature[:10]},
		"nothing":                {},
	} {
		c.Signatures = []*a2apb.AgentCardSignature{s}
		encoded, err := signing.Encode(c)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := signing.Verify(encoded, r.JWKS()); !errors.Is(err, signing.ErrUnverified) {
			t.Errorf("%s: got %v, want ErrUnverified", name, err)
		}
		c.Signatures = append(c.Signatures, good)
		if encoded, err = signing.Encode(c); err != nil {
			t.Fatal(err)
		}
		if _, err := signing.Verify(encoded, r.JWKS()); err != nil {
			t.Errorf("%s, before a good one: got %v", name, err)
		}
	}
}

func TestAKeyIsRotatedAndRetired(t *testing.T) {
	t.Parallel()
	keys := register(t, storagetest.Memory(), 1)
	before := ring(t, keys)
	old := before.Keys()[0]
	if _, made, err := keys.Ensure(t.Context()); made || err != nil {
		t.Errorf("a second time: got %v, %v", made, err)
	}
	fresh, err := keys.Rotate(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	both, err := keys.Ring(t.Context())
	if err != nil || len(both.Keys()) != 2 || both.Keys()[0].ID != fresh.ID || both.Name() == before.Name() || !both.Changed().After(before.Changed()) {
		t.Fatalf("got %+v, %v", both, err)
	}
	text := signed(t, both)
	for name, set := range map[string][]byte{"who knows the old key only": before.JWKS(), "who knows both": both.JWKS()} {
		if _, err := signing.Verify(text, set); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got, _ := signing.Verify(text, both.JWKS()); got.Signature.KeyID != fresh.ID {
		t.Errorf("got %s, want the new key first", got.Signature.KeyID)
	}
	if err := keys.Retire(t.Context(), fresh.ID); !errors.Is(err, signing.ErrLastKey) {
		t.Errorf("the newest: got %v", err)
	}
	if err := keys.Retire(t.Context(), "none"); !errors.Is(err, signing.ErrNotFound) {
		t.Errorf("none: got %v", err)
	}
	if err := keys.Retire(t.Context(), old.ID); err != nil {
		t.Fatal(err)
	}
	after := ring(t, keys)
	if _, err := signing.Verify(signed(t, before), after.JWKS()); !errors.Is(err, signing.ErrUnverified) {
		t.Errorf("what a retired key signed: got %v", err)
	}
	for range signing.MaxKeys - 1 {
		if _, err := keys.Rotate(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := keys.Rotate(t.Context()); !errors.Is(err, signing.ErrTooManyKeys) {
		t.Errorf("one more: got %v", err)
	}
}

func TestAStoreWithoutItsSecretGetsANewKey(t *testing.T) {
	t.Parallel()
	db := storagetest.Memory()
	old := ring(t, register(t, db, 1))
	text := signed(t, old)
	keys := register(t, db, 2)
	now := ring(t, keys)
	if list := now.Keys(); len(list) != 2 || !list[0].Signs || list[1].Signs || list[1].ID != old.Keys()[0].ID {
		t.Fatalf("got %+v", list)
	}
	if _, err := signing.Verify(text, now.JWKS()); err != nil {
		t.Errorf("what the old key signed: %v", err)
	}
	if got, err := signing.Verify(signed(t, now), now.JWKS()); err != nil || got.Signature.KeyID != now.Keys()[0].ID {
		t.Errorf("got %+v, %v", got, err)
	}
	if err := keys.Retire(t.Context(), old.Keys()[0].ID); err != nil {
		t.Error(err)
	}
}

func TestServersOnOneStoreMakeOneKey(t *testing.T) {
	t.Parallel()
	db := storagetest.Memory()
	var all sync.WaitGroup
	made := make(chan string, 8)
	for range cap(made) {
		keys := register(t, db, 1)
		all.Go(func() {
			key, fresh, err := keys.Ensure(t.Context())
			if err != nil {
				t.Error(err)
			}
			if fresh {
				made <- key.ID
			}
		})
	}
	all.Wait()
	if len(made) != 1 {
		t.Errorf("%d keys were made, want 1", len(made))
	}
}

// TestTheCanonicalFormIsTheOneOfTheSpecification is the example of section 8.4.1.
func TestTheCanonicalFormIsTheOneOfTheSpecification(t *testing.T) {
	t.Parallel()
	c := &a2apb.AgentCard{}
	text := `{"name":"Example Agent","description":"","capabilities":{"streaming":false,"pushNotifications":false,"extensions":[]},"skills":[]}`
	if err := protojson.Unmarshal([]byte(text), c); err != nil {
		t.Fatal(err)
	}
	got, err := signing.Encode(c)
	want := `{"capabilities":{"pushNotifications":false,"streaming":false},"defaultInputModes":[],"defaultOutputModes":[],` +
		`"description":"","name":"Example Agent","skills":[],"supportedInterfaces":[],"version":""}` // the example is a fragment
	if err != nil || string(got) != want {
		t.Errorf("got  %s, %v\nwant %s", got, err, want)
	}
}

func TestDocumentsThatAreRefused(t *testing.T) {
	t.Parallel()
	r := ring(t, register(t, storagetest.Memory(), 1))
	good := signed(t, r)
	huge := bytes.Repeat([]byte(" "), signing.MaxDocument+1)
	many := []byte(`{"signatures":[` + strings.Repeat("{},", 20) + `{}]}`)
	keys := []byte(`{"keys":[` + strings.Repeat("{},", 200) + `{}]}`)
	for name, test := range map[string]struct{ card, set []byte }{
		"a card that is huge": {huge, r.JWKS()}, "a set that is huge": {good, huge}, "no card": {nil, r.JWKS()}, "no set": {good, nil},
		"a card of another kind": {[]byte(`{"name":1}`), r.JWKS()}, "many signatures": {many, r.JWKS()}, "many keys": {good, keys}, "a set of another kind": {good, []byte(`{}`)},
	} {
		if _, err := signing.Verify(test.card, test.set); err == nil || errors.Is(err, signing.ErrUnverified) || errors.Is(err, signing.ErrUnsigned) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func FuzzVerify(f *testing.F) {
	keys := register(f, storagetest.Memory(), 1)
	r := ring(f, keys)
	good := signed(f, r)
	f.Add(good, r.JWKS())
	f.Add([]byte(`{"signatures":[{}]}`), []byte(`{"keys":[{"kty":"oct","k":"AA","kid":"x"}]}`))
	f.Add([]byte(`{"capabilities":{"extensions":[{"params":{"a":[{},1e400,null]}}]},"signatures":[{"protected":"e30","signature":""}]}`), []byte(`{"keys":[]}`))
	signedBy := func(c []byte) string {
		text, err := signing.BarePayload(c)
		if err != nil {
			return ""
		}
		return string(text)
	}
	want := signedBy(good)
	f.Fuzz(func(t *testing.T, card, set []byte) {
		_, _ = signing.Signatures(card)
		_, _ = signing.Verify(card, set)
		if _, err := signing.Verify(card, r.JWKS()); err == nil && signedBy(card) != want {
			t.Errorf("verified: %s", card)
		}
	})
}

func TestAKeysIDIsNoFlag(t *testing.T) {
	t.Parallel()
	for range 512 { // one in 64 thumbprints begins with a dash
		if id := ring(t, register(t, storagetest.Memory(), 1)).Keys()[0].ID; strings.HasPrefix(id, "-") {
			t.Fatalf("a key is called %s", id)
		}
	}
}
