package seal

import (
	"bytes"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// FuzzOpen: nothing opens but what was sealed, in its place.
func FuzzOpen(f *testing.F) {
	k, err := New(bytes.Repeat([]byte{1}, KeySize), "webhooks")
	if err != nil {
		f.Fatal(err)
	}
	plain, place := []byte("s3cret"), []byte("acme/1")
	// Sealed once: each process that fuzzes would draw another nonce.
	sealed, err := hex.DecodeString("01a46dd3998bb28001582ca993fae72cedafb32b265773f3c8bc944cfcd7aa25c66a3d")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(sealed, place)
	f.Add(sealed, []byte("evil/1"))
	f.Add(sealed[:10], place)
	f.Add([]byte{format}, []byte{})
	f.Fuzz(func(t *testing.T, text, at []byte) {
		got, err := k.Open(text, at)
		if made := bytes.Equal(text, sealed) && bytes.Equal(at, place); made != (err == nil) || made && !bytes.Equal(got, plain) {
			t.Errorf("%x in %q opens as %q, %v", text, at, got, err)
		}
		if err != nil && !errors.Is(err, ErrSealed) {
			t.Errorf("got %v", err)
		}
		if again, err := k.Open(k.Seal(text, at), at); err != nil || !bytes.Equal(again, text) {
			t.Errorf("%x is sealed and opens as %x, %v", text, again, err)
		}
	})
}

// FuzzKeyFile: a file of a key has its digits and nothing else.
func FuzzKeyFile(f *testing.F) {
	f.Add([]byte(strings.Repeat("0a", KeySize) + "\n"))
	f.Add([]byte(strings.Repeat("0", 2*KeySize-1)))
	f.Add([]byte(" " + strings.Repeat("F", 2*KeySize) + "\r\n\t"))
	path := filepath.Join(f.TempDir(), "secret.key")
	f.Fuzz(func(t *testing.T, text []byte) {
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		key, err := File(path, false)
		if err == nil && (len(key) != KeySize || !strings.EqualFold(strings.TrimSpace(string(text)), hex.EncodeToString(key))) {
			t.Errorf("%q is the key %x", text, key)
		}
	})
}
