package signing

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"
	"github.com/go-jose/go-jose/v4"
	"google.golang.org/protobuf/encoding/protojson"
)

// Bounds of what is verified, in bytes and numbers.
const (
	// MaxDocument is the largest card and the largest key set that is looked at.
	MaxDocument   = 1 << 20
	maxSignatures = 20
	maxSetKeys    = 200
)

// Why a card is not verified.
var (
	// ErrUnsigned is returned for a card without signatures.
	ErrUnsigned = errors.New("signing: the card has no signature")
	// ErrUnverified is wrapped around what is wrong with each signature of a card.
	ErrUnverified = errors.New("signing: no signature of the card is valid")
)

// accepted are the algorithms of others that are believed: those with a public key.
var accepted = []jose.SignatureAlgorithm{
	jose.ES256, jose.ES384, jose.ES512, jose.EdDSA, jose.PS256, jose.PS384, jose.PS512, jose.RS256, jose.RS384, jose.RS512,
}

// Signature is a signature as its protected header describes it.
type Signature struct {
	// KeyID and Algorithm are the header's kid and alg.
	KeyID     string `json:"kid"`
	Algorithm string `json:"alg"`
	// KeysURL is where the signer says the keys are; empty when it does not. It
	// is nothing to believe before someone trusted said so, too.
	KeysURL string `json:"jku,omitempty"`
}

// Signatures are those of a card, given as JSON. Of one whose header cannot be
// read the fields are empty.
func Signatures(card []byte) ([]Signature, error) {
	c, err := decode(card)
	if err != nil {
		return nil, err
	}
	list := make([]Signature, len(c.Signatures))
	for i, s := range c.Signatures {
		if parsed, err := parse(s, nil); err == nil {
			list[i] = describe(parsed)
		}
	}
	return list, nil
}

// Verified is what is certain of a card.
type Verified struct {
	// Signature is the first that a key verifies.
	Signature Signature
	// Card is the card's JSON as far as it is signed: without what the A2A model
	// does not know. Read this instead of what was given.
	Card []byte
}

// Verify returns what a key of the set verifies of a card, given as JSON. The set
// is a JSON Web Key Set of public keys that the caller trusts. ErrUnsigned and
// ErrUnverified tell why there is nothing; any other error is one of a document
// that cannot be read.
func Verify(card, set []byte) (Verified, error) {
	c, err := decode(card)
	if err != nil {
		return Verified{}, err
	}
	if len(c.Signatures) == 0 {
		return Verified{}, ErrUnsigned
	}
	keys, err := decodeSet(set)
	if err != nil {
		return Verified{}, err
	}
	payloads, err := payloadsOf(c)
	if err != nil {
		return Verified{}, err
	}
	var problems []error
	for _, s := range c.Signatures {
		signature, err := verify(s, payloads, keys)
		if err == nil {
			return Verified{signature, payloads[0]}, nil
		}
		problems = append(problems, err)
	}
	return Verified{}, fmt.Errorf("%w: %w", ErrUnverified, errors.Join(problems...))
}

// payloadsOf are what a signer may have signed.
func payloadsOf(c *a2apb.AgentCard) ([][]byte, error) {
	full, err := payload(c)
	if err != nil {
		return nil, err
	}
	bare, err := barePayload(c)
	return [][]byte{full, bare}, err
}

func decode(card []byte) (*a2apb.AgentCard, error) {
	if len(card) > MaxDocument {
		return nil, fmt.Errorf("signing: a card of more than %d bytes", MaxDocument)
	}
	c := &a2apb.AgentCard{}
	if err := (protojson.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(card, c); err != nil {
		return nil, fmt.Errorf("signing: not a card of A2A 1.0: %w", err)
	}
	if len(c.Signatures) > maxSignatures {
		return nil, fmt.Errorf("signing: a card of more than %d signatures", maxSignatures)
	}
	return c, nil
}

// decodeSet returns the keys of a set that can verify a signature. RFC 7517 has
// others passed over, also those of a kind that is not known.
func decodeSet(set []byte) ([]jose.JSONWebKey, error) {
	var document struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if len(set) > MaxDocument {
		return nil, fmt.Errorf("signing: a key set of more than %d bytes", MaxDocument)
	}
	if err := json.Unmarshal(set, &document); err != nil || document.Keys == nil {
		return nil, fmt.Errorf("signing: not a JSON Web Key Set: %w", errors.Join(err, errors.New(`"keys" is a list`)))
	}
	if len(document.Keys) > maxSetKeys {
		return nil, fmt.Errorf("signing: a key set of more than %d keys", maxSetKeys)
	}
	var keys []jose.JSONWebKey
	for _, text := range document.Keys {
		var key jose.JSONWebKey
		if err := key.UnmarshalJSON(text); err != nil || !key.IsPublic() || !key.Valid() {
			continue
		}
		if key.Use == "" || key.Use == "sig" {
			keys = append(keys, key)
		}
	}
	return keys, nil
}

// parse reads a signature with what it may have signed; nothing is verified yet.
func parse(s *a2apb.AgentCardSignature, payload []byte) (*jose.JSONWebSignature, error) {
	if payload == nil {
		payload = []byte{}
	}
	return jose.ParseDetached(s.GetProtected()+".."+s.GetSignature(), payload, accepted)
}

func describe(parsed *jose.JSONWebSignature) Signature {
	header := parsed.Signatures[0].Protected
	keysURL, _ := header.ExtraHeaders["jku"].(string)
	return Signature{KeyID: header.KeyID, Algorithm: header.Algorithm, KeysURL: keysURL}
}

func verify(s *a2apb.AgentCardSignature, payloads [][]byte, keys []jose.JSONWebKey) (Signature, error) {
	parsed, err := parse(s, payloads[0])
	if err != nil {
		return Signature{}, err
	}
	signature := describe(parsed)
	if signature.KeyID == "" {
		return Signature{}, errors.New("a signature names no key")
	}
	named := slices.DeleteFunc(slices.Clone(keys), func(k jose.JSONWebKey) bool {
		return k.KeyID != signature.KeyID || k.Algorithm != "" && k.Algorithm != signature.Algorithm
	})
	if len(named) == 0 {
		return Signature{}, fmt.Errorf("the key %.100q is not among those given", signature.KeyID)
	}
	for _, key := range named {
		for _, payload := range payloads {
			if parsed.DetachedVerify(payload, key) == nil {
				return signature, nil
			}
		}
	}
	return Signature{}, fmt.Errorf("the key %.100q did not sign this card", signature.KeyID)
}
