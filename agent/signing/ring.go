package signing

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"time"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"
	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/cryptosigner"
)

// Ring is the keys there are at one moment, newest first. It does not change,
// and is safe for concurrent use.
type Ring struct {
	keys    []ringKey
	set     []byte
	name    string
	changed time.Time
}

type ringKey struct {
	CardKey
	public  jose.JSONWebKey
	private *ecdsa.PrivateKey // nil when it could not be opened
}

// Name is another one for every other ring: what was made with a ring may be
// kept under it.
func (r *Ring) Name() string { return r.name }

// Changed is when a key was made or retired last.
func (r *Ring) Changed() time.Time { return r.changed }

// JWKS is the JSON Web Key Set of the public keys. It must not be changed.
func (r *Ring) JWKS() []byte { return r.set }

// Keys are the keys, newest first.
func (r *Ring) Keys() []CardKey {
	list := make([]CardKey, len(r.keys))
	for i, k := range r.keys {
		list[i] = k.CardKey
	}
	return list
}

// Sign gives the card a signature of every key, newest first, in place of those
// it had; keysURL is where verifiers find the JWKS. A card may be signed by the
// keys of yesterday, too, so that who knows one of those only still verifies it.
// The same keys sign the same card alike.
func (r *Ring) Sign(card *a2apb.AgentCard, keysURL string) error {
	card.Signatures = nil
	signed, err := payload(card)
	if err != nil {
		return err
	}
	for _, k := range r.keys {
		if k.private == nil {
			continue
		}
		s, err := k.sign(signed, keysURL)
		if err != nil {
			return err
		}
		card.Signatures = append(card.Signatures, s)
	}
	return nil
}

func (k ringKey) sign(payload []byte, keysURL string) (*a2apb.AgentCardSignature, error) {
	opts := (&jose.SignerOptions{}).WithType("JOSE").WithHeader("jku", keysURL).WithHeader("kid", k.ID)
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: cryptosigner.Opaque(repeatable{k.private})}, opts)
	if err != nil {
		return nil, err
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		return nil, err
	}
	compact, err := signed.CompactSerialize()
	if err != nil {
		return nil, err
	}
	parts := strings.Split(compact, ".")
	return &a2apb.AgentCardSignature{Protected: parts[0], Signature: parts[2]}, nil
}

// repeatable signs the same bytes alike (RFC 6979), so that a card has one ETag
// on every node and after every restart.
type repeatable struct{ *ecdsa.PrivateKey }

// Sign implements crypto.Signer.
func (k repeatable) Sign(_ io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	return k.PrivateKey.Sign(nil, digest, opts)
}

// newKey makes a key and returns its private part.
func newKey(now time.Time) (ringKey, []byte, error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return ringKey{}, nil, err
	}
	k := ringKey{private: private, public: jose.JSONWebKey{Key: private.Public(), Algorithm: string(algorithm), Use: "sig"}}
	thumbprint, err := k.public.Thumbprint(crypto.SHA256)
	if err != nil {
		return ringKey{}, nil, err
	}
	k.public.KeyID = base64.RawURLEncoding.EncodeToString(thumbprint)
	k.CardKey = CardKey{ID: k.public.KeyID, Algorithm: string(algorithm), Created: now, Signs: true}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	return k, secret, err
}

var errNotECDSA = errors.New("signing: not a key for " + string(algorithm))

func parsePrivate(secret []byte) (*ecdsa.PrivateKey, error) {
	key, err := x509.ParsePKCS8PrivateKey(secret)
	if err != nil {
		return nil, err
	}
	private, ok := key.(*ecdsa.PrivateKey)
	if !ok {
		return nil, errNotECDSA
	}
	return private, nil
}

// complete makes the set of a ring from its keys.
func (r *Ring) complete() (err error) {
	set := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{}}
	for _, k := range r.keys {
		set.Keys = append(set.Keys, k.public)
	}
	r.set, err = json.Marshal(set)
	return err
}
