package seal_test

import (
	"bytes"
	"testing"

	"github.com/carrelhq/carrel/internal/seal"
)

func FuzzOpen(f *testing.F) {
	key, err := seal.New(make([]byte, seal.KeySize), "a test")
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte("secret"), []byte("place"), uint(3), byte(1))
	f.Add([]byte(""), []byte(""), uint(0), byte(0))
	f.Fuzz(func(t *testing.T, plain, place []byte, at uint, change byte) {
		sealed := key.Seal(plain, place)
		if got, err := key.Open(sealed, place); err != nil || !bytes.Equal(got, plain) {
			t.Fatalf("got %q, %v, want %q", got, err, plain)
		}
		sealed[at%uint(len(sealed))] ^= change
		if got, err := key.Open(sealed, place); (err == nil) != (change == 0) {
			t.Errorf("changed by %x it opens as %q, %v", change, got, err)
		}
		if got, err := key.Open(plain, place); err == nil {
			t.Errorf("%q opens as %q", plain, got)
		}
	})
}
