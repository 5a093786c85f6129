// Package seal encrypts small secrets for storage, with a key that lies outside
// of it: who copies the store alone has no secrets.
//
// It is AES-256-GCM with random nonces and nothing else; the format has a number
// so that another may follow.
package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
)

// KeySize is the size of a master key in bytes.
const KeySize = 32

// format is the first byte of what is sealed.
const format = 1

// ErrSealed is returned for what was not sealed with this key for this place, or was changed since.
var ErrSealed = errors.New("seal: sealed with another key, or damaged")

// Key seals and opens. It is safe for concurrent use.
type Key struct{ aead cipher.AEAD }

// New derives the key for a purpose, as "webhooks", from a master key of KeySize
// bytes; what is sealed for one purpose does not open for another.
func New(master []byte, purpose string) (*Key, error) {
	key, err := Derive(master, purpose)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	return &Key{aead}, err
}

// Derive returns the KeySize bytes that the master key has for a purpose, for what
// is authenticated and not encrypted, as page tokens. Keys of different purposes
// tell nothing of each other, nor of the master key.
func Derive(master []byte, purpose string) ([]byte, error) {
	if len(master) != KeySize {
		return nil, errors.New("seal: a key has 32 bytes")
	}
	return hkdf.Key(sha256.New, master, nil, "carrel "+purpose, KeySize)
}

// Seal encrypts plain. place says where it is kept, and is needed to open it: what
// is copied to another place does not open there.
func (k *Key) Seal(plain, place []byte) []byte {
	return k.aead.Seal([]byte{format}, nil, plain, place)
}

// Open decrypts what Seal returned for the place, or returns ErrSealed.
func (k *Key) Open(sealed, place []byte) ([]byte, error) {
	if len(sealed) == 0 || sealed[0] != format {
		return nil, ErrSealed
	}
	plain, err := k.aead.Open(nil, nil, sealed[1:], place)
	if err != nil {
		return nil, ErrSealed
	}
	return plain, nil
}
