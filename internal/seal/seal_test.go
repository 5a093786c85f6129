package seal

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

func key(t *testing.T, fill byte, purpose string) *Key {
	t.Helper()
	k, err := New(bytes.Repeat([]byte{fill}, KeySize), purpose)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestWhatIsSealedOpensInItsPlaceOnly(t *testing.T) {
	t.Parallel()
	k := key(t, 1, "webhooks")
	plain, place := []byte("s3cret"), []byte("acme/1")
	sealed := k.Seal(plain, place)
	if bytes.Contains(sealed, plain) || bytes.Equal(sealed, k.Seal(plain, place)) {
		t.Errorf("sealed as %q", sealed)
	}
	if got, err := k.Open(sealed, place); err != nil || !bytes.Equal(got, plain) {
		t.Errorf("got %q, %v", got, err)
	}
	changed := bytes.Clone(sealed)
	changed[len(changed)-1] ^= 1
	tests := map[string]struct {
		k             *Key
		sealed, place []byte
	}{
		"in another place":       {k, sealed, []byte("evil/1")},
		"with another key":       {key(t, 2, "webhooks"), sealed, place},
		"for another purpose":    {key(t, 1, "secrets"), sealed, place},
		"changed":                {k, changed, place},
		"cut short":              {k, sealed[:10], place},
		"nothing":                {k, nil, place},
		"of an unknown format":   {k, append([]byte{9}, sealed[1:]...), place},
		"the format and no more": {k, sealed[:1], place},
	}
	for name, test := range tests {
		if got, err := test.k.Open(test.sealed, test.place); !errors.Is(err, ErrSealed) {
			t.Errorf("%s: got %q, %v", name, got, err)
		}
	}
	if _, err := New([]byte("short"), "x"); err == nil {
		t.Error("a short key was taken")
	}
}

func TestAKeyFileIsMadeOnceAndForItsOwner(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "secret.key")
	if _, err := File(path, false); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	keys := make([][]byte, 8)
	var all sync.WaitGroup
	for i := range keys {
		all.Go(func() {
			var err error
			if keys[i], err = File(path, true); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	for _, k := range keys {
		if len(k) != KeySize || !bytes.Equal(k, keys[0]) {
			t.Errorf("keys differ: %x", keys)
		}
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("got %v, %v", info.Mode(), err)
	}
	if rest, _ := filepath.Glob(path + "-*"); len(rest) > 0 {
		t.Errorf("left behind: %v", rest)
	}
	if err := os.WriteFile(path, []byte("abc"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := File(path, true); err == nil {
		t.Error("a file that holds no key was taken")
	}
}
