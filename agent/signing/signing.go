// Package signing signs agent cards and verifies the signatures of others:
// section 8.4 of the A2A specification, which is JWS over JCS.
//
// [Keys] is the register of the server's own keys, and a [Ring] what they are at
// one moment. [Verify] takes a card and the keys to trust, wherever they come
// from; the package fetches nothing and decides for nobody whom to trust. It is
// the only one that knows JOSE.
package signing

import (
	"errors"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// algorithm signs the server's own cards: what every verifier knows, with short
// keys and signatures.
const algorithm = jose.ES256

// MaxKeys bounds the keys there are at a time, and so the signatures of a card.
const MaxKeys = 4

// Errors that callers act on.
var (
	// ErrNotFound is returned for a key that there is not.
	ErrNotFound = errors.New("signing: no such key")
	// ErrTooManyKeys is returned by Rotate when there are [MaxKeys].
	ErrTooManyKeys = errors.New("signing: too many keys; retire one")
	// ErrLastKey is returned by Retire for the newest key that signs.
	ErrLastKey = errors.New("signing: the newest key cannot be retired; make another first")
)

// CardKey is what may be told of a key.
type CardKey struct {
	// ID is its thumbprint (RFC 7638), which signatures call kid.
	ID string `json:"id"`
	// Algorithm is what it signs with, as JWS names it: "ES256".
	Algorithm string    `json:"algorithm"`
	Created   time.Time `json:"created"`
	// Signs is false for a key whose private part the server cannot open: it is
	// of a store that came without its secret. The key verifies only.
	Signs bool `json:"signs"`
}
