package seal

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// File reads the master key in a file of 64 hexadecimal digits. With create a
// file that is not there is made, readable by its owner only.
func File(path string, create bool) ([]byte, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) && create {
		return newFile(path)
	}
	if err != nil {
		return nil, err
	}
	key, err := hex.DecodeString(strings.TrimSpace(string(text)))
	if err != nil || len(key) != KeySize {
		return nil, fmt.Errorf("%s does not hold a key: 64 hexadecimal digits", path)
	}
	return key, nil
}

// newFile writes a new key. Should another process be quicker, its key is used.
func newFile(path string) (key []byte, err error) {
	key = make([]byte, KeySize)
	_, _ = rand.Read(key)                                                 // never fails
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+"-*") // mode 0600
	if err != nil {
		return nil, err
	}
	defer os.Remove(f.Name())
	_, err = f.WriteString(hex.EncodeToString(key) + "\n")
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return nil, err
	}
	if err := os.Link(f.Name(), path); errors.Is(err, fs.ErrExist) {
		return File(path, false)
	} else if err != nil {
		return nil, err
	}
	return key, nil
}
