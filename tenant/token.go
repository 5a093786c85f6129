package tenant

import (
	"crypto/rand"
	"encoding/base32"
	"strings"
)

// A token is "ck_" + id + "_" + secret; both are lower-case base32 without padding.
const (
	tokenPrefix = "ck_"
	idBytes     = 5  // 8 characters
	secretBytes = 20 // 32 characters, 160 bits
	idLength    = 8
	tokenLength = len(tokenPrefix) + idLength + 1 + 32
)

var tokenEncoding = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

func newToken() (id, token string) {
	raw := make([]byte, idBytes+secretBytes)
	_, _ = rand.Read(raw) // never fails
	id = tokenEncoding.EncodeToString(raw[:idBytes])
	return id, tokenPrefix + id + "_" + tokenEncoding.EncodeToString(raw[idBytes:])
}

// tokenID returns the id of a token that is well formed, without a look at the store.
func tokenID(token string) (string, bool) {
	rest, ok := strings.CutPrefix(token, tokenPrefix)
	if !ok || len(token) != tokenLength || rest[idLength] != '_' || !base32Word(rest[:idLength]) || !base32Word(rest[idLength+1:]) {
		return "", false
	}
	return rest[:idLength], true
}

func base32Word(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < 'a' || c > 'z') && (c < '2' || c > '7') {
			return false
		}
	}
	return true
}
